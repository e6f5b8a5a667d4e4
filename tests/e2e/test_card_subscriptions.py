"""A subscription by card from the first click to its end, through both providers' own libraries."""

from datetime import timedelta

import pytest

from db.connection import query
from db.models.users import User
from services import clock, ledger, reconciliation, sandbox_subscriptions, subscription_renewals
from services.actors import Role
from services.ledger import AccountKind
from services.payment_providers import payment_providers
from tests.e2e.shop import Shop
from tests.factories import make_user

PROVIDERS = pytest.mark.parametrize("provider", ["stripe", "dodo"])


@pytest.fixture
def streamer(shop: Shop) -> User:
    return make_user(role=Role.STREAMER)


def failed_events() -> list[tuple[str, str]]:
    return [(kind, error) for kind, error in query("SELECT kind, error FROM webhook_events WHERE state = 'FAILED'")]


@PROVIDERS
def test_paying_begins_it_and_each_month_prolongs_it(shop: Shop, streamer: User, provider: str) -> None:
    ordered = shop.subscribe(streamer, "pro", provider=provider)
    assert (ordered["status"], shop.shown(ordered)["status"]) == ("pending", "pending")
    shop.press(ordered, "pay", duplicates=2, shuffle="true")
    begun = shop.shown(ordered)
    assert (begun["status"], begun["capabilities"]["exclusiveEmotes"]) == ("active", True)
    shop.press(ordered, "renew", duplicates=1, shuffle="true")
    assert shop.shown(ordered)["expiresAt"] > begun["expiresAt"]
    assert ledger.balance_of(AccountKind.PROVIDER, None, "PEN") == -2 * 2990
    assert failed_events() == []
    assert reconciliation.reconcile().clean


@PROVIDERS
@pytest.mark.parametrize("button", ["decline", "close"])
def test_not_paying_begins_nothing(shop: Shop, streamer: User, provider: str, button: str) -> None:
    ordered = shop.subscribe(streamer, provider=provider)
    shop.press(ordered, button)
    if (provider, button) == ("dodo", "close"):
        with clock.frozen(clock.now() + timedelta(hours=26)):  # Dodo tells of no checkout that is left
            subscription_renewals.renew_and_end()
    assert shop.shown(ordered)["status"] == "expired"
    assert query("SELECT 1 FROM subscription_payments") == []


@PROVIDERS
def test_cancelling_reaches_the_provider_which_charges_no_more(shop: Shop, streamer: User, provider: str) -> None:
    ordered = shop.subscribe(streamer, provider=provider)
    shop.press(ordered, "pay")
    shop.cancel(ordered)
    [(ends,)] = query("SELECT cancels_at_period_end FROM payment_sandbox_sessions")
    assert ends
    with clock.frozen(clock.now() + timedelta(days=32)):
        sandbox_subscriptions.charge_due()
        shop.jobs.sent.clear()
        subscription_renewals.renew_and_end()
    assert shop.shown(ordered)["status"] == "expired"
    [(status, periods)] = query("SELECT subscription_status, periods FROM payment_sandbox_sessions")
    assert (status, periods) == ("canceled", 1)


@PROVIDERS
def test_an_upgrade_ends_the_old_one_at_the_provider(shop: Shop, streamer: User, provider: str) -> None:
    basic = shop.subscribe(streamer, "basic", provider=provider)
    shop.press(basic, "pay")
    again = shop.post(
        "/api/subscriptions", json={"streamerId": str(streamer.id), "tier": "basic", "paymentMethod": "card"}
    )
    assert (again.status_code, again.json()["code"]) == (409, "already_subscribed")
    premium = shop.subscribe(streamer, "premium", provider=provider)
    shop.press(premium, "pay")
    assert (shop.shown(basic)["status"], shop.shown(premium)["status"]) == ("expired", "active")
    statuses = query("SELECT subscription_status FROM payment_sandbox_sessions ORDER BY created_at")
    assert statuses == [("canceled",), ("active",)]
    assert failed_events() == []
    assert reconciliation.reconcile().clean


@PROVIDERS
def test_a_refund_and_a_failed_month_end_it(shop: Shop, streamer: User, provider: str) -> None:
    refunded, unpaid = shop.subscribe(streamer, provider=provider), None
    shop.press(refunded, "pay")
    shop.press(refunded, "refund", amount=500)
    assert shop.shown(refunded)["status"] == "active"
    shop.press(refunded, "refund")
    assert shop.shown(refunded)["status"] == "expired"
    assert ledger.balance_of(AccountKind.PROVIDER, None, "PEN") == 0
    unpaid = shop.subscribe(make_user(role=Role.STREAMER), provider=provider)
    shop.press(unpaid, "pay")
    shop.press(unpaid, "end")
    assert shop.shown(unpaid)["status"] == "cancelled"
    assert failed_events() == []
    assert reconciliation.reconcile().clean


@PROVIDERS
def test_coins_are_bought_refunded_and_disputed_through_either(shop: Shop, provider: str) -> None:
    refunded, disputed, won = (shop.start(provider=provider) for _ in range(3))
    for started in (refunded, disputed, won):
        shop.press(started, "pay", duplicates=3, shuffle="true")
    shop.press(refunded, "refund", amount=90, duplicates=2)
    shop.press(refunded, "refund", duplicates=2)
    shop.press(disputed, "dispute", outcome="lost")
    shop.press(won, "dispute", outcome="won")
    assert [shop.status(started) for started in (refunded, disputed, won)] == ["refunded", "refunded", "paid"]
    assert shop.get("/api/payment/wallet")["balance"] == won["coins"]
    assert failed_events() == []
    assert reconciliation.reconcile().clean


@PROVIDERS
def test_the_providers_own_list_names_what_was_paid(shop: Shop, streamer: User, provider: str) -> None:
    paid, open_one = shop.start(provider=provider), shop.start(provider=provider)
    ordered = shop.subscribe(streamer, provider=provider)
    shop.press(paid, "pay")
    shop.press(ordered, "pay")
    shop.press(ordered, "renew")
    since = clock.now() - timedelta(hours=1)
    listed = list(payment_providers.named(provider).payments_since(since))
    references = [str(payment.reference) for payment in listed]
    assert sorted(references) == sorted([paid["purchaseId"], ordered["id"], ordered["id"]])
    assert open_one["purchaseId"] not in references
    assert {payment.currency for payment in listed} == {"PEN"}


def test_a_declined_try_at_dodo_fails_the_purchase(shop: Shop) -> None:
    started = shop.start(provider="dodo")
    shop.press(started, "decline")
    assert shop.status(started) == "failed"
    assert shop.get("/api/payment/wallet")["balance"] == 0
