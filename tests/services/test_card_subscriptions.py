"""Subscriptions by card: only money begins or prolongs one, in whatever order the provider tells of it."""

import itertools
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from db.connection import query
from db.models.subscriptions import Subscription
from db.models.users import User
from services import clock, ledger, reconciliation, subscription_renewals, subscriptions, webhooks
from services.actors import Role
from services.billing_months import months_after
from services.errors import Conflict, Unavailable
from services.ledger import AccountKind
from services.payment_providers import payment_providers
from services.subscription_orders import Started, SubscriptionOrder
from services.tiers import PaymentMethod, Tier
from services.webhook_events import State
from tests.factories import actor_of, make_user
from tests.fakes import FakeJobs
from tests.payments import (
    FakeProvider,
    deliver,
    give_coins,
    invoice_paid,
    invoice_payment,
    invoice_unpaid,
    plan_changed,
    plan_expired,
    plan_of,
    plan_opened,
    state_of,
)

PRICES = {Tier.BASIC: 1490, Tier.PRO: 2990, Tier.PREMIUM: 5990}
MONTH = timedelta(days=31)


@pytest.fixture(autouse=True)
def provider(_database: None) -> Iterator[FakeProvider]:
    fake = FakeProvider()
    payment_providers.use({"stripe": fake})
    yield fake
    payment_providers.reset()


@pytest.fixture
def viewer(_database: None) -> User:
    return make_user()


@pytest.fixture
def streamer(_database: None) -> User:
    return make_user(role=Role.STREAMER)


def order(viewer: User, streamer: User, tier: Tier = Tier.BASIC, **more: Any) -> Started:
    wanted = SubscriptionOrder(streamer_id=streamer.id, tier=tier, payment_method=PaymentMethod.CARD, **more)
    return subscriptions.subscribe(actor_of(viewer), wanted)


def row(started: Started) -> Subscription:
    return Subscription.get_by_id(started.subscription.id)


def paid(viewer: User, streamer: User, tier: Tier = Tier.BASIC, until: datetime | None = None) -> Subscription:
    """A subscription whose first month the provider has charged."""
    started = order(viewer, streamer, tier)
    deliver(invoice_paid(row(started), until or clock.now() + MONTH))
    return row(started)


def sync_all(jobs: FakeJobs) -> None:
    """Run what was asked for of the provider."""
    for message in jobs.named("subscriptions.sync"):
        subscription_renewals.sync_with_provider(message.arguments["subscription_id"])  # type: ignore[arg-type]


def test_a_card_waits_for_its_payment(viewer: User, streamer: User, provider: FakeProvider) -> None:
    started = order(viewer, streamer, Tier.PRO)
    assert (started.subscription.status, started.subscription.expires_at) == ("pending", None)
    assert started.checkout_url == f"https://pay.example/{started.subscription.id}"
    assert not started.subscription.capabilities.ad_free
    [plan] = provider.plans
    assert (plan.subscription_id, plan.price, plan.currency) == (started.subscription.id, 2990, "PEN")
    assert plan.title == f"{streamer.username}: pro subscription"


def test_a_paid_invoice_begins_it_and_books_the_money(viewer: User, streamer: User) -> None:
    until = (clock.now() + MONTH).replace(microsecond=0)
    found = paid(viewer, streamer, until=until)
    assert (found.status, found.expires_at, found.provider_subscription) == ("active", until, plan_of(found))
    assert ledger.balance_of(AccountKind.EARNINGS, streamer.id, "PEN") == 1490 - 1490 * 30 // 100
    assert ledger.balance_of(AccountKind.PROVIDER, None, "PEN") == -1490
    assert reconciliation.reconcile().clean


def test_the_events_of_a_first_payment_in_any_order_and_twice_begin_it_once(streamer: User) -> None:
    makers: tuple[Callable[[Subscription], dict[str, Any]], ...] = (
        plan_opened,
        lambda found: invoice_paid(found, clock.now() + MONTH),
        invoice_payment,
        lambda found: plan_changed(found, "updated"),
    )
    for events in itertools.permutations(makers):
        started = order(make_user(), streamer)
        for make in (*events, *events):
            _until_settled(make(row(started)))
        for (event_id,) in query("SELECT id FROM webhook_events WHERE state = 'RECEIVED' ORDER BY id"):
            webhooks.process(event_id)
        found = row(started)
        assert (found.status, found.periods) == ("active", 1)
        assert query("SELECT payment FROM subscription_payments WHERE subscription_id = %s", (found.id,)) == [
            (f"pi_{found.id.hex}",)
        ]
    assert query("SELECT 1 FROM webhook_events WHERE state = 'FAILED'") == []
    assert reconciliation.reconcile().clean


def _until_settled(event: dict[str, Any]) -> None:
    try:
        deliver(event)
    except Unavailable:
        """It is tried again."""


def test_each_month_is_booked_and_prolongs_it(viewer: User, streamer: User) -> None:
    begin = clock.now().replace(microsecond=0)
    found = paid(viewer, streamer, until=months_after(begin, 1))
    for number in (2, 3):
        event = invoice_paid(found, months_after(begin, number), number=number)
        for _ in range(2):
            again = event | {"id": f"{event['id']}_{_}"}
            deliver(again)
            assert state_of(again) in (State.PROCESSED, State.IGNORED)
    found = Subscription.get_by_id(found.id)
    assert (found.expires_at, found.periods) == (months_after(begin, 3), 3)
    assert ledger.balance_of(AccountKind.PROVIDER, None, "PEN") == -3 * 1490
    assert reconciliation.reconcile().clean


@pytest.mark.parametrize("change", [{"amount_paid": 1489}, {"currency": "usd"}])
def test_money_that_is_not_the_price_is_parked(viewer: User, streamer: User, change: dict[str, Any]) -> None:
    started = order(viewer, streamer)
    event = invoice_paid(row(started), clock.now() + MONTH, **change)
    deliver(event)
    assert (state_of(event), row(started).status) == (State.FAILED, "pending")


def test_cancelling_tells_the_provider_and_keeps_the_paid_month(
    viewer: User, streamer: User, provider: FakeProvider, jobs: FakeJobs
) -> None:
    found = paid(viewer, streamer)
    cancelled = subscriptions.cancel(actor_of(viewer), found.id)
    assert (cancelled.status, cancelled.expires_at) == ("cancelled", found.expires_at)
    sync_all(jobs)
    assert provider.told == [(plan_of(found), "ends")]
    assert order(viewer, streamer).subscription.status == "active"
    jobs.sent = jobs.sent[-1:] + [m for m in jobs.sent if m.name == "subscriptions.sync"][-1:]
    sync_all(jobs)
    assert provider.told[-1] == (plan_of(found), "goes on")


def test_a_provider_that_is_away_is_told_later(
    viewer: User, streamer: User, provider: FakeProvider, jobs: FakeJobs
) -> None:
    found = paid(viewer, streamer)
    provider.away = True
    subscriptions.cancel(actor_of(viewer), found.id)
    with pytest.raises(Unavailable):
        sync_all(jobs)
    provider.away = False
    sync_all(jobs)
    assert provider.told == [(plan_of(found), "ends")]


def test_the_provider_away_at_the_checkout_keeps_the_order(
    viewer: User, streamer: User, provider: FakeProvider
) -> None:
    provider.away = True
    with pytest.raises(Unavailable) as refusal:
        order(viewer, streamer)
    assert refusal.value.code == "provider_unavailable"
    provider.away = False
    first, second = order(viewer, streamer), order(viewer, streamer)
    assert first == second
    assert [plan.subscription_id for plan in provider.plans] == [first.subscription.id] * 2


def test_a_cancelled_one_is_not_revived_by_late_events(viewer: User, streamer: User) -> None:
    found = paid(viewer, streamer)
    subscriptions.cancel(actor_of(viewer), found.id)
    for late in (plan_changed(found), plan_opened(found), invoice_unpaid(found, clock.now())):
        deliver(late)
        assert Subscription.get_by_id(found.id).status == "cancelled"
    deliver(invoice_paid(found, clock.now() + 2 * MONTH, number=2))
    assert Subscription.get_by_id(found.id).status == "cancelled"
    assert reconciliation.reconcile().clean


def test_one_that_is_over_is_not_revived_and_its_money_is_parked(
    viewer: User, streamer: User, provider: FakeProvider, jobs: FakeJobs
) -> None:
    started = order(viewer, streamer)
    deliver(plan_expired(row(started)))
    assert row(started).status == "expired"
    late = invoice_paid(row(started), clock.now() + MONTH)
    deliver(late)
    deliver(plan_opened(row(started)))
    assert (state_of(late), row(started).status) == (State.FAILED, "expired")
    sync_all(jobs)
    assert provider.told == [(plan_of(row(started)), "over")]
    assert reconciliation.reconcile().clean


@pytest.mark.parametrize("state", [{"cancel_at_period_end": True}, {"status": "canceled"}])
def test_an_end_at_the_provider_is_an_end_here(viewer: User, streamer: User, state: dict[str, Any]) -> None:
    found = paid(viewer, streamer)
    deliver(plan_changed(found, "updated", **state))
    assert Subscription.get_by_id(found.id).status == "cancelled"
    with clock.frozen(clock.now() + 2 * MONTH):
        deliver(plan_changed(found, "deleted", status="canceled"))
    assert Subscription.get_by_id(found.id).status == "expired"


def test_dunning_warns_once_keeps_access_for_a_while_and_then_ends(
    viewer: User, streamer: User, provider: FakeProvider, jobs: FakeJobs
) -> None:
    begin = clock.now()
    found = paid(viewer, streamer, until=begin + MONTH)
    with clock.frozen(begin + MONTH + timedelta(hours=1)):
        for _ in range(2):
            deliver(invoice_unpaid(found, begin + 2 * MONTH))
        assert subscription_renewals.renew_and_end() == 0
    found = Subscription.get_by_id(found.id)
    assert (found.status, found.past_due_at is None) == ("active", False)
    told = query("SELECT 1 FROM notifications WHERE user_id = %s AND title LIKE '%%unpaid'", (viewer.id,))
    assert len(told) == 1
    with clock.frozen(begin + MONTH + timedelta(days=4)):
        assert subscription_renewals.renew_and_end() == 1
    assert Subscription.get_by_id(found.id).status == "expired"
    sync_all(jobs)
    assert provider.told == [(plan_of(found), "over")]


def test_a_card_that_is_charged_at_last_goes_on(viewer: User, streamer: User) -> None:
    begin = clock.now()
    found = paid(viewer, streamer, until=begin + MONTH)
    with clock.frozen(begin + MONTH + timedelta(days=1)):
        deliver(invoice_unpaid(found, begin + 2 * MONTH))
        deliver(invoice_paid(found, begin + 2 * MONTH, number=2))
        assert subscription_renewals.renew_and_end() == 0
    found = Subscription.get_by_id(found.id)
    assert (found.status, found.past_due_at) == ("active", None)
    assert found.expires_at > begin + MONTH + timedelta(days=2)


@pytest.mark.parametrize(("left", "is_heeded"), [(timedelta(days=1), True), (timedelta(days=1, seconds=1), False)])
def test_a_warning_counts_in_the_last_day_of_what_is_paid(
    viewer: User, streamer: User, left: timedelta, is_heeded: bool
) -> None:
    until = (clock.now() + MONTH).replace(microsecond=0)
    found = paid(viewer, streamer, until=until)
    with clock.frozen(until - left):
        deliver(invoice_unpaid(found, until + MONTH))
    assert (Subscription.get_by_id(found.id).past_due_at is not None) is is_heeded


def test_whoever_is_charged_is_told_each_month_and_of_another_tier(viewer: User, streamer: User) -> None:
    until = clock.now() + MONTH
    found = paid(viewer, streamer, until=until)
    deliver(invoice_paid(found, until + MONTH, number=2))
    upgrade = row(order(viewer, streamer, Tier.PRO))
    deliver(invoice_paid(upgrade, until + MONTH))
    titles = query("SELECT title FROM notifications WHERE user_id = %s ORDER BY id", (viewer.id,))
    name = streamer.username
    assert titles == [
        (f"You subscribe to {name}",),
        (f"Your subscription to {name} was renewed",),
        (f"Your tier with {name} is pro now",),
    ]


def test_an_upgrade_by_card_takes_the_place_of_the_old_and_carries_its_time(
    viewer: User, streamer: User, provider: FakeProvider, jobs: FakeJobs
) -> None:
    begin = clock.now().replace(microsecond=0)
    old = paid(viewer, streamer, until=begin + MONTH)
    started = order(viewer, streamer, Tier.PRO)
    assert started.subscription.status == "pending"
    assert Subscription.get_by_id(old.id).status == "active"
    with clock.frozen(begin + timedelta(days=11)):
        deliver(invoice_paid(row(started), begin + timedelta(days=11) + MONTH))
    new, old = row(started), Subscription.get_by_id(old.id)
    assert (new.status, new.tier, old.status) == ("active", "pro", "expired")
    assert new.expires_at == begin + timedelta(days=11) + MONTH + timedelta(days=20) / 2
    sync_all(jobs)
    assert provider.told == [(plan_of(old), "over")]
    late = plan_changed(old, "deleted", status="canceled")
    deliver(late)
    assert row(started).status == "active"
    assert reconciliation.reconcile().clean


def test_an_upgrade_by_coins_of_a_card_keeps_the_end_and_lets_the_card_go(
    viewer: User, streamer: User, provider: FakeProvider, jobs: FakeJobs
) -> None:
    old = paid(viewer, streamer)
    give_coins(viewer, 2000)
    wanted = SubscriptionOrder(streamer_id=streamer.id, tier=Tier.PRO, payment_method=PaymentMethod.COINS)
    new = subscriptions.subscribe(actor_of(viewer), wanted).subscription
    assert (new.status, new.tier, new.currency) == ("active", "pro", "COIN")
    assert new.expires_at == old.expires_at
    assert Subscription.get_by_id(old.id).status == "expired"
    sync_all(jobs)
    assert provider.told == [(plan_of(old), "over")]
    assert reconciliation.reconcile().clean


@pytest.mark.parametrize("tier", [Tier.BASIC, Tier.PRO])
def test_the_same_or_a_lower_tier_is_refused_before_the_checkout(viewer: User, streamer: User, tier: Tier) -> None:
    paid(viewer, streamer, Tier.PRO)
    with pytest.raises(Conflict) as refusal:
        order(viewer, streamer, tier)
    assert refusal.value.code == "already_subscribed"


def test_an_order_that_is_cancelled_before_it_is_paid_is_over(viewer: User, streamer: User) -> None:
    started = order(viewer, streamer)
    assert subscriptions.cancel(actor_of(viewer), started.subscription.id).status == "expired"
    with pytest.raises(Conflict) as refusal:
        subscriptions.cancel(actor_of(viewer), started.subscription.id)
    assert refusal.value.code == "subscription_over"


def test_both_are_told_when_the_money_has_come(viewer: User, streamer: User) -> None:
    started = order(viewer, streamer)
    titles = "SELECT title FROM notifications WHERE user_id = %s"
    assert query(titles, (viewer.id,)) == query(titles, (streamer.id,)) == []
    deliver(invoice_paid(row(started), clock.now() + MONTH))
    assert query(titles, (viewer.id,)) == [(f"You subscribe to {streamer.username}",)]
    assert query(titles, (streamer.id,)) == [(f"{viewer.username} subscribed",)]


@pytest.mark.parametrize(("left_s", "status"), [(1, "cancelled"), (0, "expired")])
def test_what_is_paid_runs_to_its_last_second_though_the_provider_ends_it(
    viewer: User, streamer: User, left_s: int, status: str
) -> None:
    until = (clock.now() + MONTH).replace(microsecond=0)
    found = paid(viewer, streamer, until=until)
    with clock.frozen(until - timedelta(seconds=left_s)):
        deliver(plan_changed(found, "deleted", status="canceled"))
    assert Subscription.get_by_id(found.id).status == status


@pytest.mark.parametrize(("left_s", "status"), [(1, "cancelled"), (0, "expired")])
def test_one_that_was_cancelled_runs_to_its_last_second_too(
    viewer: User, streamer: User, left_s: int, status: str
) -> None:
    until = (clock.now() + MONTH).replace(microsecond=0)
    found = paid(viewer, streamer, until=until)
    subscriptions.cancel(actor_of(viewer), found.id)
    with clock.frozen(until - timedelta(seconds=left_s)):
        deliver(plan_changed(found, "deleted", status="canceled"))
    assert Subscription.get_by_id(found.id).status == status


def test_time_that_was_carried_is_kept_month_after_month(viewer: User, streamer: User) -> None:
    begin = clock.now().replace(microsecond=0)
    with clock.frozen(begin):
        paid(viewer, streamer, until=begin + MONTH)
        started = order(viewer, streamer, Tier.PRO)
        for month in (1, 2):
            deliver(invoice_paid(row(started), begin + month * MONTH, number=month))
            assert row(started).expires_at == begin + month * MONTH + MONTH / 2
    assert row(started).periods == 2


def test_what_coins_took_over_from_a_card_is_renewed_by_the_month(viewer: User, streamer: User) -> None:
    old = paid(viewer, streamer)
    give_coins(viewer, 5000)
    wanted = SubscriptionOrder(streamer_id=streamer.id, tier=Tier.PRO, payment_method=PaymentMethod.COINS)
    new = subscriptions.subscribe(actor_of(viewer), wanted).subscription
    for month in (1, 2):
        with clock.frozen(months_after(old.expires_at, month - 1)):
            assert subscription_renewals.renew_and_end() == 1
        assert Subscription.get_by_id(new.id).expires_at == months_after(old.expires_at, month)
    assert reconciliation.reconcile().clean


def test_an_unpaid_order_is_dropped_for_another_tier_and_after_a_day(viewer: User, streamer: User) -> None:
    first, second = order(viewer, streamer), order(viewer, streamer, Tier.PRO)
    assert (row(first).status, row(second).status) == ("expired", "pending")
    with clock.frozen(clock.now() + timedelta(hours=26)):
        assert subscription_renewals.renew_and_end() == 1
    assert row(second).status == "expired"
    assert query("SELECT 1 FROM notifications WHERE user_id = %s", (viewer.id,)) == []
