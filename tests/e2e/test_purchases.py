"""Buying coins from the first click to the wallet: our HTTP, the real stripe library, the payment sandbox."""

from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any
from uuid import UUID
from wsgiref.simple_server import WSGIRequestHandler, make_server

import msgspec
import pytest
import requests

import bootstrap
from api.app import create_app
from db.models.users import User
from db.models.webhook_events import WebhookEvent
from services import ledger, reconciliation, sandbox_deliveries, wallets, webhooks
from services.actors import Role
from services.payment_providers import payment_providers
from settings import Settings
from tests.factories import bearer, make_user
from tests.fakes import FakeJobs

TIMEOUT_S = 10
RUN: dict[str, Callable[..., None]] = {
    "webhooks.process": lambda event_id: webhooks.process(UUID(event_id)),
    "payments.send_sandbox_webhooks": lambda batch_id: sandbox_deliveries.send(UUID(batch_id)),
}


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """The test says what matters."""


class Shop:
    """The API over HTTP, with one thread to answer in, and a buyer."""

    def __init__(self, url: str, jobs: FakeJobs, buyer: User) -> None:
        self.url, self.jobs, self.buyer = url, jobs, buyer
        self.headers = bearer(buyer)

    def post(self, path: str, **rest: Any) -> requests.Response:
        return requests.post(f"{self.url}{path}", headers=self.headers, timeout=TIMEOUT_S, **rest)

    def get(self, path: str) -> Any:
        answer = requests.get(f"{self.url}{path}", headers=self.headers, timeout=TIMEOUT_S)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def start(self) -> dict[str, Any]:
        pack = self.get("/api/payment/coin-packs")[0]
        answer = self.post("/api/payment/create-checkout-session", json={"coinPackId": pack["id"]})
        assert answer.status_code == 201, answer.text
        return dict(answer.json()["data"])

    def press(self, started: dict[str, Any], button: str, **fields: Any) -> None:
        answer = requests.post(f"{started['checkoutUrl']}/{button}", data=fields, timeout=TIMEOUT_S)
        assert answer.status_code == 200, answer.text
        self.work()

    def work(self) -> None:
        """Do every job of money that was asked for, and those that they ask for."""
        while self.jobs.sent:
            message = self.jobs.sent.pop(0)
            if message.name in RUN:
                RUN[message.name](**message.arguments)

    def status(self, started: dict[str, Any]) -> str:
        found = [row for row in self.get("/api/payment/purchases") if row["id"] == started["purchaseId"]]
        return str(found[0]["status"])


@pytest.fixture
def shop(committed_db: Settings, jobs: FakeJobs) -> Iterator[Shop]:
    server = make_server("127.0.0.1", 0, lambda *_: [], handler_class=_Quiet)
    url = f"http://127.0.0.1:{server.server_port}"
    served = msgspec.structs.replace(committed_db, public_url=url)
    bootstrap.open_stores(served, pool_size=40, jobs=jobs)
    server.set_app(create_app(served))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Shop(url, jobs, make_user())
    server.shutdown()
    thread.join()
    server.server_close()
    payment_providers.reset()


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
