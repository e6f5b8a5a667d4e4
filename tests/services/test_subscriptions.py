"""Subscriptions by coins: beginning, upgrading, cancelling, and what everybody hears of it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import msgspec
import pytest
import redis

from db.connection import connection, query
from db.models.channels import Channel
from db.models.subscriptions import Subscription, SubscriptionPayment
from db.models.users import User
from services import clock, ledger, reconciliation, subscription_views, subscriptions, wallets
from services.actors import Role
from services.billing_months import months_after
from services.errors import Conflict, Forbidden, Invalid, NotFound
from services.ids import new_id
from services.ledger import AccountKind
from services.subscription_orders import SubscriptionOrder
from services.subscription_views import SubscriptionStatus, SubscriptionView
from services.tiers import PaymentMethod, Tier, coins_of
from settings import Settings
from tests.factories import actor_of, make_stream, make_user
from tests.hearing import said
from tests.payments import give_coins

BASIC, PRO, PREMIUM = 300, 600, 1200


def subscribe(viewer: User, streamer: User, tier: Tier = Tier.BASIC) -> SubscriptionView:
    """By coins."""
    order = SubscriptionOrder(streamer_id=streamer.id, tier=tier, payment_method=PaymentMethod.COINS)
    started = subscriptions.subscribe(actor_of(viewer), order)
    assert started.checkout_url is None
    return started.subscription


@pytest.fixture
def viewer(_database: None) -> User:
    user = make_user()
    give_coins(user, 5000)
    return user


@pytest.fixture
def streamer(_database: None) -> User:
    return make_user(role=Role.STREAMER)


def balance(user: User) -> int:
    return wallets.wallet_of(user.id).balance


def test_coins_make_it_active_at_once_for_a_month(viewer: User, streamer: User) -> None:
    begun = subscribe(viewer, streamer)
    assert (begun.status, begun.tier, begun.price, begun.currency) == ("active", "basic", BASIC, "COIN")
    assert (begun.streamer.id, begun.subscriber.id) == (streamer.id, viewer.id)
    assert begun.started_at is not None
    assert begun.expires_at == months_after(begun.started_at, 1)
    assert balance(viewer) == 5000 - BASIC
    assert ledger.balance_of(AccountKind.EARNINGS, streamer.id) == BASIC * 70 // 100
    assert ledger.balance_of(AccountKind.FEES) == BASIC * 30 // 100
    [month] = SubscriptionPayment.select()
    assert (month.subscription_id, month.amount, month.currency) == (begun.id, BASIC, "COIN")
    assert (month.period_ends_at, month.status, month.provider) == (begun.expires_at, "paid", None)
    assert reconciliation.reconcile().clean


def test_chat_and_streamer_hear_of_a_new_subscriber(viewer: User, streamer: User, redis_client: "redis.Redis") -> None:
    [(channel_id, room_id)] = query("SELECT id, room_id FROM channels WHERE user_id = %s", (streamer.id,))
    stream = make_stream(Channel.get_by_id(channel_id))
    listener = redis_client.pubsub()
    listener.subscribe(f"room:{room_id}")
    subscribe(viewer, streamer, Tier.PRO)
    [heard] = said(listener)
    listener.close()
    event = msgspec.json.decode(heard.body)
    assert (event["type"], event["tier"], event["user"]["id"]) == ("new_subscriber", "pro", str(viewer.id))
    assert event["streamId"] == str(stream.id)
    [(data,)] = query("SELECT data FROM notifications WHERE user_id = %s AND kind = 'new_subscriber'", (streamer.id,))
    assert (data["userId"], data["tier"]) == (str(viewer.id), "pro")


@pytest.mark.parametrize("tier", [Tier.BASIC, Tier.PRO])
def test_the_same_or_a_lower_tier_is_refused_while_one_runs(viewer: User, streamer: User, tier: Tier) -> None:
    subscribe(viewer, streamer, Tier.PRO)
    with pytest.raises(Conflict) as refusal:
        subscribe(viewer, streamer, tier)
    assert refusal.value.code == "already_subscribed"
    assert balance(viewer) == 5000 - PRO


def test_an_upgrade_costs_the_difference_for_what_is_left(viewer: User, streamer: User) -> None:
    begun = subscribe(viewer, streamer)
    assert begun.started_at and begun.expires_at
    half = begun.started_at + (begun.expires_at - begun.started_at) / 2
    with clock.frozen(half):
        upgraded = subscribe(viewer, streamer, Tier.PREMIUM)
    assert (upgraded.id, upgraded.tier, upgraded.expires_at) == (begun.id, "premium", begun.expires_at)
    assert balance(viewer) == 5000 - BASIC - (PREMIUM - BASIC) // 2
    assert reconciliation.reconcile().clean
    titles = [title for (title,) in query("SELECT title FROM notifications WHERE user_id = %s", (viewer.id,))]
    assert f"Your tier with {streamer.username} is premium now" in titles


def test_tiers_rise_one_after_the_other(viewer: User, streamer: User) -> None:
    for tier in Tier:
        subscribe(viewer, streamer, tier)
    assert 0 <= balance(viewer) - (5000 - PREMIUM) <= 2
    [only] = Subscription.select()
    assert only.tier == "premium"
    assert reconciliation.reconcile().clean


def test_nothing_is_left_of_one_that_cannot_be_paid(streamer: User) -> None:
    poor = make_user()
    give_coins(poor, BASIC - 1)
    with pytest.raises(Conflict) as refusal:
        subscribe(poor, streamer)
    assert refusal.value.code == "insufficient_coins"
    assert Subscription.select().count() == 0
    assert query("SELECT 1 FROM notifications WHERE user_id = %s", (streamer.id,)) == []


def test_an_upgrade_that_cannot_be_paid_leaves_the_tier(streamer: User) -> None:
    poor = make_user()
    give_coins(poor, BASIC + 5)
    begun = subscribe(poor, streamer)
    with pytest.raises(Conflict):
        subscribe(poor, streamer, Tier.PREMIUM)
    assert subscription_views.subscription(begun.id) == begun
    assert balance(poor) == 5


def test_a_cancelled_one_runs_to_its_end_and_can_be_taken_up_again(viewer: User, streamer: User) -> None:
    begun = subscribe(viewer, streamer)
    for _ in range(2):
        cancelled = subscriptions.cancel(actor_of(viewer), begun.id)
        assert (cancelled.status, cancelled.expires_at) == ("cancelled", begun.expires_at)
        assert cancelled.capabilities.ad_free
    again = subscribe(viewer, streamer)
    assert (again.id, again.status, again.expires_at) == (begun.id, "active", begun.expires_at)
    assert balance(viewer) == 5000 - BASIC


def test_coins_close_the_checkout_that_waits_for_a_card_with_this_streamer_alone(streamer: User) -> None:
    viewer, neighbour, elsewhere = make_user(), make_user(), make_user(role=Role.STREAMER)
    give_coins(viewer, 5000)

    def waits(subscriber: User, of: User) -> Subscription:
        return Subscription.create(
            subscriber=subscriber.id,
            streamer=of.id,
            tier=Tier.PRO,
            payment_method=PaymentMethod.CARD,
            price=2990,
            currency="PEN",
            status=SubscriptionStatus.PENDING,
            provider="stripe",
        )

    rows = [waits(viewer, streamer), waits(viewer, elsewhere), waits(neighbour, streamer)]
    subscribe(viewer, streamer)
    statuses = [Subscription.get_by_id(row.id).status for row in rows]
    assert statuses == ["expired", "pending", "pending"]


def test_only_the_subscriber_and_an_admin_cancel(viewer: User, streamer: User) -> None:
    begun = subscribe(viewer, streamer)
    for stranger in (streamer, make_user()):
        with pytest.raises(NotFound):
            subscriptions.cancel(actor_of(stranger), begun.id)
    with pytest.raises(NotFound):
        subscriptions.cancel(actor_of(viewer), new_id())
    admin = make_user(role=Role.ADMIN)
    assert subscriptions.cancel(actor_of(admin), begun.id).status == SubscriptionStatus.CANCELLED


def test_orders_that_make_no_sense_are_refused(viewer: User, streamer: User) -> None:
    query("INSERT INTO blocks (blocker_id, blocked_id) VALUES (%s, %s)", (streamer.id, viewer.id))
    for user, whom, refusal in (
        (streamer, streamer, Invalid),
        (viewer, make_user(), NotFound),
        (viewer, make_user(role=Role.STREAMER, suspended=True), NotFound),
        (viewer, streamer, Forbidden),
    ):
        with pytest.raises(refusal):
            subscribe(user, whom)
    assert balance(viewer) == 5000


def test_lists_are_the_subscribers_and_the_streamers_own(viewer: User, streamer: User) -> None:
    begun = subscribe(viewer, streamer)
    other = subscribe(viewer, make_user(role=Role.STREAMER))
    mine = subscription_views.subscriptions_of(actor_of(viewer), viewer.id, None, 1, None)
    rest = subscription_views.subscriptions_of(actor_of(viewer), viewer.id, None, 1, mine.next_cursor)
    assert [s.id for s in (*mine.items, *rest.items)] == [other.id, begun.id]
    theirs = subscription_views.subscribers_of(actor_of(streamer), streamer.id, None, 20, None)
    assert [s.id for s in theirs.items] == [begun.id]
    ended = subscription_views.subscribers_of(actor_of(streamer), streamer.id, SubscriptionStatus.EXPIRED, 20, None)
    assert ended.items == []
    for stranger in (make_user(), viewer):
        with pytest.raises(Forbidden):
            subscription_views.subscribers_of(actor_of(stranger), streamer.id, None, 20, None)
    with pytest.raises(Forbidden):
        subscription_views.subscriptions_of(actor_of(streamer), viewer.id, None, 20, None)


def test_one_subscription_however_often_it_is_asked_for_at_once(committed_db: Settings) -> None:
    viewer, streamer = make_user(), make_user(role=Role.STREAMER)
    give_coins(viewer, 5000)

    def once(_: int) -> str:
        with connection():
            try:
                return str(subscribe(viewer, streamer).status)
            except Conflict as refusal:
                return refusal.code

    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(once, range(40)))
    assert outcomes.count("active") == 1
    assert outcomes.count("already_subscribed") == 39
    assert balance(viewer) == 5000 - BASIC
    assert reconciliation.reconcile().clean


def test_two_upgrades_at_once_are_paid_once(committed_db: Settings) -> None:
    viewer, streamer = make_user(), make_user(role=Role.STREAMER)
    give_coins(viewer, 5000)
    begun = subscribe(viewer, streamer)
    assert begun.started_at is not None
    at = begun.started_at

    def upgrade(_: int) -> str:
        with connection(), clock.frozen(at):
            try:
                return str(subscribe(viewer, streamer, Tier.PREMIUM).tier)
            except Conflict as refusal:
                return refusal.code

    with ThreadPoolExecutor(10) as pool:
        outcomes = list(pool.map(upgrade, range(10)))
    assert outcomes.count("premium") == 1
    assert balance(viewer) == 5000 - PREMIUM
    assert reconciliation.reconcile().clean


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        ("2026-01-31T23:30:00+00:00", 1, "2026-02-28T23:30:00+00:00"),
        ("2026-01-31T23:30:00+00:00", 2, "2026-03-31T23:30:00+00:00"),
        ("2028-01-31T00:00:00+00:00", 1, "2028-02-29T00:00:00+00:00"),
        ("2026-12-15T12:00:00+00:00", 1, "2027-01-15T12:00:00+00:00"),
        ("2026-03-15T01:30:00+00:00", 1, "2026-04-15T01:30:00+00:00"),
        ("2026-10-15T01:30:00+02:00", 1, "2026-11-14T23:30:00+00:00"),
        ("2026-03-31T10:00:00+00:00", -1, "2026-02-28T10:00:00+00:00"),
    ],
)
def test_months_keep_to_their_day_and_to_utc(day: str, months: int, expected: str) -> None:
    assert months_after(datetime.fromisoformat(day), months) == datetime.fromisoformat(expected)


def test_prices_rise_with_the_tiers() -> None:
    assert [coins_of(tier) for tier in Tier] == [BASIC, PRO, PREMIUM]
