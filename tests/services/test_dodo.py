"""Dodo Payments' webhooks: only those signed by a valid secret are stored, and what each means."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from standardwebhooks.webhooks import Webhook

from db.connection import query
from db.models.coin_purchases import CoinPurchase
from db.models.webhook_events import WebhookEvent
from services import reconciliation, wallets, webhooks
from services.bus import bus
from services.errors import Invalid, Unavailable
from services.gateways.payments.dodo import DodoProvider
from services.ids import new_id
from services.payment_providers import payment_providers
from services.provider_products import ProviderProducts
from settings import SettingsError, load
from tests.factories import make_user
from tests.payments import COINS, PRICE, make_purchase, state_of

OLD, NEW = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_bmV3IHNlY3JldCBmb3IgYSB0ZXN0IHJ1bg=="


@pytest.fixture(autouse=True)
def provider(_database: None) -> Iterator[DodoProvider]:
    dodo = DodoProvider("key", (NEW, OLD), ProviderProducts("dodo"))
    payment_providers.use({"dodo": dodo})
    yield dodo
    payment_providers.reset()


def event(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    """An event; `id` is what its header will say."""
    return {"type": kind, "business_id": "b", "timestamp": "2026-01-01T00:00:00Z", "data": data}


def paid(purchase: CoinPurchase, **changes: Any) -> dict[str, Any]:
    payment = {
        "payment_id": f"pay_{purchase.id.hex}",
        "total_amount": purchase.price,
        "currency": purchase.currency,
        "created_at": "2026-01-01T00:00:00Z",
        "metadata": {"purchaseId": str(purchase.id)},
        "checkout_session_id": f"cks_{purchase.id.hex}",
        "subscription_id": None,
    }
    return event("payment.succeeded", payment | changes)


def signed(
    body: dict[str, Any], *, secret: str = NEW, name: str | None = None, age_s: int = 0
) -> tuple[bytes, dict[str, str], str]:
    """The event as it comes over the wire, and its name."""
    text, name = json.dumps(body), name or f"msg_{new_id().hex}"
    at = datetime.fromtimestamp(int(time.time()) - age_s, UTC)
    signature = Webhook(secret).sign(name, at, text)
    headers = {"webhook-id": name, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}
    return text.encode(), headers, name


def deliver(body: dict[str, Any], **how: Any) -> str:
    """Receive an event and run its job; returns the state that it ended in."""
    raw, headers, name = signed(body, **how)
    webhooks.receive("dodo", raw, headers)
    [(event_id,)] = query("SELECT id FROM webhook_events WHERE event_id = %s", (name,))
    webhooks.process(event_id)
    return state_of({"id": name})


def make_dodo_purchase() -> CoinPurchase:
    return make_purchase(make_user(), provider="dodo")


def outcome(purchase: CoinPurchase) -> tuple[str, int]:
    return str(CoinPurchase.get_by_id(purchase.id).status), wallets.wallet_of(purchase.user_id).balance


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_two_secrets_are_valid_while_one_is_changed(secret: str) -> None:
    purchase = make_dodo_purchase()
    assert deliver(paid(purchase), secret=secret) == "PROCESSED"
    assert outcome(purchase) == ("paid", COINS)


def test_a_signature_by_another_secret_or_of_another_time_is_refused() -> None:
    body = paid(make_dodo_purchase())
    other = "whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldCBrZXk="
    for how in ({"secret": other}, {"age_s": 301}, {"age_s": -301}):
        raw, headers, _ = signed(body, **how)
        with pytest.raises(Invalid) as refusal:
            webhooks.receive("dodo", raw, headers)
        assert refusal.value.code == "bad_signature"
    assert WebhookEvent.select().count() == 0


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": ""},
        {"webhook-id": "another"},
        {"webhook-timestamp": "nan"},
        {"webhook-timestamp": "1e400"},
        {"webhook-timestamp": "now"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,not base64!"},
        {"webhook-signature": "v1,ü"},
        {"webhook-signature": "v1a,v1,v1"},
    ],
)
def test_headers_that_are_no_signature_are_refused(change: dict[str, str]) -> None:
    raw, headers, _ = signed(paid(make_dodo_purchase()))
    with pytest.raises(Invalid):
        webhooks.receive("dodo", raw, headers | change)
    for tampered in (raw + b" ", b"\xff\xfe", b""):
        with pytest.raises(Invalid):
            webhooks.receive("dodo", tampered, headers)
    assert WebhookEvent.select().count() == 0


def test_without_a_secret_nothing_is_believed() -> None:
    payment_providers.use({"dodo": DodoProvider("key", (), ProviderProducts("dodo"))})
    raw, headers, _ = signed(paid(make_dodo_purchase()))
    with pytest.raises(Invalid):
        webhooks.receive("dodo", raw, headers)


def test_one_payment_told_twice_is_credited_once() -> None:
    purchase = make_dodo_purchase()
    for _ in range(2):
        deliver(paid(purchase))
    assert outcome(purchase) == ("paid", COINS)
    assert reconciliation.reconcile().clean


def test_refunds_are_told_one_by_one_and_counted_once_each() -> None:
    purchase = make_dodo_purchase()
    deliver(paid(purchase))
    half = {"payment_id": f"pay_{purchase.id.hex}", "refund_id": "ref_1", "amount": PRICE // 2, "is_partial": True}
    for _ in range(3):
        deliver(event("refund.succeeded", half))
    assert outcome(purchase) == ("paid", COINS // 2)
    deliver(event("refund.succeeded", half | {"refund_id": "ref_2", "amount": None, "is_partial": False}))
    assert outcome(purchase) == ("refunded", 0)
    assert reconciliation.reconcile().clean


def test_a_refund_that_comes_before_its_payment_is_tried_again() -> None:
    purchase = make_dodo_purchase()
    refund = {"payment_id": f"pay_{purchase.id.hex}", "refund_id": "ref_1", "amount": PRICE, "is_partial": False}
    with pytest.raises(Unavailable):
        deliver(event("refund.succeeded", refund))
    deliver(paid(purchase))
    [(event_id,)] = query("SELECT id FROM webhook_events WHERE state = 'RECEIVED'")
    webhooks.process(event_id)
    assert outcome(purchase) == ("refunded", 0)


@pytest.mark.parametrize(
    ("kind", "status", "coins"),
    [
        ("dispute.won", "paid", COINS),
        ("dispute.cancelled", "paid", COINS),
        ("dispute.lost", "refunded", 0),
        ("dispute.accepted", "refunded", 0),
        ("dispute.expired", "refunded", 0),
        ("dispute.challenged", "disputed", 0),
    ],
)
def test_a_dispute_holds_the_coins_until_it_is_decided(kind: str, status: str, coins: int) -> None:
    purchase = make_dodo_purchase()
    deliver(paid(purchase))
    about = {"payment_id": f"pay_{purchase.id.hex}", "dispute_id": "dp_1", "dispute_stage": "dispute"}
    deliver(event("dispute.opened", about))
    assert outcome(purchase) == ("disputed", 0)
    deliver(event(kind, about))
    assert outcome(purchase) == (status, coins)
    assert reconciliation.reconcile().clean


def test_a_try_that_failed_may_be_followed_by_one_that_pays() -> None:
    purchase = make_dodo_purchase()
    failed = paid(purchase, payment_id="pay_first") | {"type": "payment.failed"}
    deliver(failed)
    assert outcome(purchase) == ("failed", 0)
    late = paid(purchase, payment_id="pay_first")
    assert deliver(late) == "IGNORED"
    assert outcome(purchase) == ("failed", 0)
    deliver(paid(purchase))
    assert outcome(purchase) == ("paid", COINS)
    assert deliver(failed) == "IGNORED"
    assert reconciliation.reconcile().clean


@pytest.mark.parametrize("change", [{"total_amount": PRICE - 1}, {"currency": "USD"}])
def test_money_that_is_not_what_was_ordered_is_parked(change: dict[str, Any]) -> None:
    purchase = make_dodo_purchase()
    assert deliver(paid(purchase, **change)) == "FAILED"
    assert outcome(purchase) == ("pending", 0)


@pytest.mark.parametrize(
    ("body", "state"),
    [
        (event("license_key.created", {}), "IGNORED"),
        (event("subscription.renewed", {}), "IGNORED"),
        (event("payment.succeeded", {"payment_id": 1}), "FAILED"),
        (event("refund.succeeded", {"refund_id": "r", "payment_id": "p", "is_partial": True}), "FAILED"),
    ],
)
def test_what_nothing_follows_from_is_stored(body: dict[str, Any], state: str) -> None:
    assert deliver(body) == state


def test_signed_nonsense_is_refused() -> None:
    raw, headers, _ = signed({"no": "type"})
    with pytest.raises(Invalid) as refusal:
        webhooks.receive("dodo", raw, headers)
    assert refusal.value.code == "malformed_event"


def test_a_month_says_until_when_it_is_paid() -> None:
    reference, until = new_id(), datetime(2026, 2, 28, tzinfo=UTC)
    payment = {
        "payment_id": "pay_m",
        "total_amount": 1490,
        "currency": "PEN",
        "created_at": "2026-01-31T00:00:00Z",
        "metadata": {"subscriptionId": str(reference)},
        "subscription_id": "sub_1",
        "service_periods": [{"subscription_id": "sub_1", "ends_at": "2026-02-28T00:00:00Z"}],
    }
    provider = payment_providers.named("dodo")
    read = provider.read(json.dumps(event("payment.succeeded", payment)))
    assert msgspec.structs.asdict(read)["paid_until"] == until
    read = provider.read(json.dumps(event("payment.succeeded", payment | {"service_periods": []})))
    assert msgspec.structs.asdict(read)["paid_until"] == datetime(2026, 1, 31, tzinfo=UTC) + timedelta(days=28)


def test_secrets_must_be_spelled_as_the_scheme_says() -> None:
    environment = {
        "DATABASE_URL": bus.settings.database_url,
        "REDIS_URL": bus.settings.redis_url,
        "JWT_SECRET": bus.settings.jwt_secret,
        "STREAM_KEY_SECRET": bus.settings.stream_key_secret,
        "INGEST_SECRET": bus.settings.ingest_secret,
        "STRIPE_WEBHOOK_SECRET": "whsec_x",
        "PLAYBACK_SECRET": bus.settings.jwt_secret,
        "ENCRYPTION_KEYS": ",".join(bus.settings.encryption_keys),
    }
    assert load(environment | {"DODO_WEBHOOK_SECRET": f"{NEW}, {OLD}"}).dodo_webhook_secrets == (NEW, OLD)
    for change in ({"DODO_WEBHOOK_SECRET": "not base64"}, {"DODO_API_KEY": "k"}):
        with pytest.raises(SettingsError, match="DODO_WEBHOOK_SECRET"):
            load(environment | change)
