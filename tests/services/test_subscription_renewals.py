"""Time passing over subscriptions paid by coins: renewed, warned of, ended; by two beats at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest

from db.connection import connection, query
from db.models.subscriptions import Subscription
from db.models.users import User
from db.transactions import atomic
from services import clock, reconciliation, subscription_renewals, subscriptions, wallets
from services.actors import Role
from services.billing_months import months_after
from services.bus import bus
from services.subscription_orders import SubscriptionOrder
from services.tiers import PaymentMethod, Tier
from settings import Settings
from tests.factories import actor_of, make_user
from tests.payments import give_coins

BASIC = 300
DAY = timedelta(days=1)


def subscribed(coins: int, *, at: datetime | None = None) -> Subscription:
    """Somebody with so many coins left after the first month."""
    viewer, streamer = make_user(), make_user(role=Role.STREAMER)
    give_coins(viewer, BASIC + coins)
    order = SubscriptionOrder(streamer_id=streamer.id, tier=Tier.BASIC, payment_method=PaymentMethod.COINS)
    with clock.frozen(at or clock.now()):
        begun = subscriptions.subscribe(actor_of(viewer), order).subscription
    return Subscription.get_by_id(begun.id)


def run_at(at: datetime) -> int:
    with clock.frozen(at):
        return subscription_renewals.renew_and_end()


def again(found: Subscription) -> Subscription:
    return Subscription.get_by_id(found.id)


def coins_of(found: Subscription) -> int:
    return wallets.wallet_of(found.subscriber_id).balance


def titles(user_id: object) -> list[str]:
    rows = query("SELECT title FROM notifications WHERE user_id = %s ORDER BY id", (user_id,))
    return [str(row[0]) for row in rows]


def test_it_is_renewed_while_the_wallet_suffices_and_then_ends() -> None:
    begin = datetime.fromisoformat("2026-01-31T10:00:00+00:00")
    found = subscribed(2 * BASIC + 10, at=begin)
    for month, left in ((1, BASIC + 10), (2, 10)):
        assert run_at(months_after(begin, month) - timedelta(minutes=1)) == 0
        assert run_at(months_after(begin, month) + timedelta(minutes=4)) == 1
        found = again(found)
        assert (found.status, found.expires_at, coins_of(found)) == ("active", months_after(begin, month + 1), left)
    assert sum("was renewed" in title for title in titles(found.subscriber_id)) == 2
    assert run_at(months_after(begin, 3)) == 1
    assert (again(found).status, coins_of(found)) == ("expired", 10)
    assert "has ended" in titles(found.subscriber_id)[-1]
    assert reconciliation.reconcile().clean


@pytest.mark.parametrize("begin", ["2026-03-01T01:30:00+00:00", "2026-10-01T00:30:00+00:00"])
def test_a_change_to_or_from_summer_time_moves_nothing(begin: str) -> None:
    start = datetime.fromisoformat(begin)
    found = subscribed(BASIC, at=start)
    assert found.expires_at == months_after(start, 1)
    assert found.expires_at.time() == start.time()
    assert run_at(found.expires_at) == 1
    assert again(found).expires_at == months_after(start, 2)


def test_a_run_again_at_once_charges_nothing() -> None:
    found = subscribed(10 * BASIC)
    assert [run_at(found.expires_at + timedelta(minutes=1)) for _ in range(3)] == [1, 0, 0]
    assert coins_of(found) == 9 * BASIC


def test_two_beats_at_once_charge_a_month_once(committed_db: Settings) -> None:
    found = [subscribed(10 * BASIC) for _ in range(5)]
    at, beats = max(each.expires_at for each in found) + timedelta(minutes=1), 4
    together = Barrier(beats)

    def beat(_: int) -> int:
        together.wait(10)
        with connection():
            return run_at(at)

    with ThreadPoolExecutor(beats) as pool:
        assert sum(pool.map(beat, range(beats))) == 5
    assert [coins_of(each) for each in found] == [9 * BASIC] * 5
    assert {again(each).periods for each in found} == {2}
    assert reconciliation.reconcile().clean


def test_a_cancelled_one_ends_without_a_charge() -> None:
    found = subscribed(BASIC)
    subscriptions.cancel(actor_of(found.subscriber), found.id)
    assert run_at(found.expires_at - timedelta(seconds=1)) == 0
    assert run_at(found.expires_at) == 1
    assert (again(found).status, coins_of(found)) == ("expired", BASIC)


def test_a_renewal_that_comes_very_late_begins_a_month_of_its_own() -> None:
    found = subscribed(10 * BASIC)
    late = found.expires_at + 40 * DAY
    assert [run_at(late), run_at(late)] == [1, 0]
    assert (again(found).expires_at, coins_of(found)) == (months_after(late, 1), 9 * BASIC)
    assert run_at(months_after(late, 1)) == 1
    assert again(found).expires_at == months_after(late, 2)
    assert reconciliation.reconcile().clean


@pytest.mark.parametrize(("more_s", "begins_anew"), [(0, False), (1, True)])
def test_the_days_of_grace_decide_whose_day_of_the_month_is_kept(more_s: int, begins_anew: bool) -> None:
    begin = datetime.fromisoformat("2026-01-31T10:00:00+00:00")
    found = subscribed(BASIC, at=begin)
    late = found.expires_at + timedelta(seconds=bus.settings.subscription_grace_s + more_s)
    assert run_at(late) == 1
    assert again(found).expires_at == (months_after(late, 1) if begins_anew else months_after(begin, 2))


def test_a_wallet_that_will_not_suffice_is_told_of_once_before() -> None:
    found, rich = subscribed(BASIC - 1), subscribed(BASIC)
    for before in (4 * DAY, 2 * DAY, 1 * DAY):
        run_at(found.expires_at - before)
    assert sum("about to end" in title for title in titles(found.subscriber_id)) == 1
    assert not any("about to end" in title for title in titles(rich.subscriber_id))


def test_the_warning_comes_three_days_before() -> None:
    found = subscribed(BASIC - 1)
    for before, told in ((timedelta(days=3, seconds=1), 0), (timedelta(days=3), 1)):
        run_at(found.expires_at - before)
        assert sum("about to end" in title for title in titles(found.subscriber_id)) == told


def test_a_beat_passes_over_what_another_is_settling(committed_db: Settings) -> None:
    found = subscribed(BASIC)

    def beat() -> int:
        with connection():
            return run_at(found.expires_at)

    with ThreadPoolExecutor(1) as pool:
        with atomic():
            Subscription.select().where(Subscription.id == found.id).for_update().get()
            assert pool.submit(beat).result(60) == 0
        assert pool.submit(beat).result(60) == 1


def test_nobody_is_renewed_to_a_streamer_who_is_gone_or_blocks_them() -> None:
    suspended, blocked = subscribed(BASIC), subscribed(BASIC)
    query("UPDATE users SET suspended_at = now() WHERE id = %s", (suspended.streamer_id,))
    pair = (blocked.streamer_id, blocked.subscriber_id)
    query("INSERT INTO blocks (blocker_id, blocked_id) VALUES (%s, %s)", pair)
    assert run_at(max(suspended.expires_at, blocked.expires_at)) == 2
    for found in (suspended, blocked):
        assert (again(found).status, coins_of(found)) == ("expired", BASIC)


def test_a_frozen_wallet_is_not_charged() -> None:
    found = subscribed(BASIC)
    query(
        "UPDATE accounts_ledger SET frozen_at = now() WHERE owner_id = %s AND kind = 'WALLET'", (found.subscriber_id,)
    )
    run_at(found.expires_at)
    assert (again(found).status, coins_of(found)) == ("expired", BASIC)


def test_one_that_ended_can_be_begun_anew() -> None:
    found = subscribed(0)
    run_at(found.expires_at)
    viewer: User = found.subscriber
    give_coins(viewer, BASIC)
    order = SubscriptionOrder(streamer_id=found.streamer_id, tier=Tier.BASIC, payment_method=PaymentMethod.COINS)
    assert subscriptions.subscribe(actor_of(viewer), order).subscription.status == "active"
