"""Buying coins from the first click to the wallet: our HTTP, the real stripe library, the payment sandbox."""

import pytest
import requests

from db.models.webhook_events import WebhookEvent
from services import ledger, reconciliation, wallets
from services.actors import Role
from tests.e2e.shop import TIMEOUT_S, Shop
from tests.factories import make_user


def test_paying_credits_the_coins(shop: Shop) -> None:
    started = shop.start()
    page = requests.get(started["checkoutUrl"], timeout=TIMEOUT_S)
    assert page.status_code == 200
    assert "4.90 PEN" in page.text
    assert "form-action 'self'" in page.headers["Content-Security-Policy"]
    shop.press(started, "pay")
    assert shop.status(started) == "paid"
    assert shop.get("/api/payment/wallet")["balance"] == started["coins"]
    assert [row["amount"] for row in shop.get("/api/payment/transactions")] == [started["coins"]]
    assert reconciliation.reconcile().clean


def test_duplicates_out_of_order_credit_once(shop: Shop) -> None:
    started = shop.start()
    shop.press(started, "pay", duplicates=7, shuffle="true", delayMs=0)
    assert WebhookEvent.select().count() == 3
    assert wallets.wallet_of(shop.buyer.id).balance == started["coins"]
    assert reconciliation.reconcile().clean


@pytest.mark.parametrize(("button", "status"), [("decline", "failed"), ("close", "expired")])
def test_not_paying_credits_nothing(shop: Shop, button: str, status: str) -> None:
    started = shop.start()
    shop.press(started, button)
    assert shop.status(started) == status
    assert wallets.wallet_of(shop.buyer.id).balance == 0
    answer = requests.post(f"{started['checkoutUrl']}/pay", timeout=TIMEOUT_S)
    assert answer.status_code == 409


def test_a_refund_and_a_dispute_take_the_coins_back(shop: Shop) -> None:
    refunded, disputed, won = shop.start(), shop.start(), shop.start()
    for started in (refunded, disputed, won):
        shop.press(started, "pay")
    shop.press(refunded, "refund", duplicates=2)
    shop.press(disputed, "dispute")
    shop.press(won, "dispute", outcome="won")
    assert [shop.status(started) for started in (refunded, disputed, won)] == ["refunded", "disputed", "paid"]
    assert wallets.wallet_of(shop.buyer.id).balance == won["coins"]
    assert reconciliation.reconcile().clean


def test_the_same_order_again_with_its_idempotency_key_is_one_purchase(shop: Shop) -> None:
    pack = shop.get("/api/payment/packages")[0]
    shop.headers["Idempotency-Key"] = "k1"
    body = {"packageId": pack["id"]}
    first, second = (shop.post("/api/payment/purchase", json=body).json()["data"] for _ in range(2))
    assert first == second
    other = shop.post("/api/payment/purchase", json=body | {"provider": "stripe"})
    assert other.status_code == 409


def test_a_forged_webhook_is_400_and_leaves_no_trace(shop: Shop) -> None:
    for path in ("/api/webhook/stripe", "/api/payment/webhook"):
        answer = requests.post(
            f"{shop.url}{path}", data=b"{}", headers={"Stripe-Signature": "t=1,v1=0"}, timeout=TIMEOUT_S
        )
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_signature")
    assert WebhookEvent.select().count() == 0


def test_bought_coins_become_a_gift(shop: Shop) -> None:
    creator = make_user(role=Role.STREAMER)
    started = shop.start()
    shop.press(started, "pay")
    star = shop.get("/api/payment/gifts")[0]
    answer = shop.post("/api/payment/gift", json={"giftId": star["id"], "streamerId": str(creator.id), "quantity": 5})
    assert answer.status_code == 201, answer.text
    data = answer.json()["data"]
    assert (data["balance"], data["points"]) == (started["coins"] - 5, 5)
    poor = shop.post("/api/payment/gift", json={"giftId": star["id"], "streamerId": str(creator.id), "quantity": 100})
    assert (poor.status_code, poor.json()["code"]) == (409, "insufficient_coins")
    assert ledger.balance_of(ledger.AccountKind.EARNINGS, creator.id) == 4
    assert reconciliation.reconcile().clean
