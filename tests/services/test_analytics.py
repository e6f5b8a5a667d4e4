"""A dashboard is exact at any moment: before the roll-ups, between them, and after them."""

import random
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

from db.connection import connection, query
from db.models.gifts import Gift
from db.models.users import User
from services import analytics, analytics_rollups, clock
from services.actors import Role
from services.analytics import AnalyticsView, Interval
from services.analytics_rollups import DAY, HOUR, day_of, hour_of
from services.errors import Invalid
from settings import Settings
from tests.factories import actor_of, make_channel, make_user
from tests.statements import statements
from tests.viewership import SUNDAY, at, followed, given, said, stream_between, subscribed, watched

NOW = at(24 + 20.6)
"""On the day after: two days and a half are in the world below."""
ZERO = {
    "hours_streamed": 0.0,
    "coins_received": 0,
    "gifts_received": 0,
    "average_viewers": 0.0,
    "peak_viewers": 0,
    "unique_chatters": 0,
    "messages": 0,
    "new_followers": 0,
    "new_subscribers": 0,
}


class World:
    """One streamer's two and a half days, and the same told in plain Python."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.streamer = make_user(role=Role.STREAMER)
        self.channel = make_channel(self.streamer)
        self._people = [make_user() for _ in range(12)]
        self._gift = Gift.create(streamer=self.streamer, name="Cat", cost=7, points=1)
        self.spans: list[tuple[datetime, datetime]] = []
        self.samples: list[tuple[datetime, int]] = []
        self.messages: list[tuple[datetime, User]] = []
        self.gifts: list[tuple[datetime, int, int]] = []
        self.follows: list[datetime] = []
        self.subscriptions: list[datetime] = []
        self._fill()

    def _fill(self) -> None:
        for start, hours in ((-20.3, 3.7), (-0.75, 1.5), (5.01, 0.3), (24 + 18.2, None)):
            self._stream(at(start), None if hours is None else at(start + hours))
        for _ in range(150):
            self.say(self._moment(), self._random.choice(self._people))
        for _ in range(40):
            self.give(self._moment())
        for person in self._people[:9]:
            when = self._moment()
            followed(person, self.streamer, when)
            self.follows.append(when)
        for person in self._people[:5]:
            when = self._moment()
            subscribed(person, self.streamer, when)
            self.subscriptions.append(when)

    def _moment(self) -> datetime:
        return at(self._random.uniform(-24, 44.5))

    def say(self, when: datetime, author: User) -> None:
        said(self.channel, author, when)
        self.messages.append((when, author))

    def give(self, when: datetime) -> None:
        quantity = self._random.randint(1, 5)
        coins = given(self._people[0], self.streamer, when, quantity, self._random.choice([None, self._gift]))
        self.gifts.append((when, coins, quantity))

    def _stream(self, since: datetime, until: datetime | None) -> None:
        stream = stream_between(self.channel, since, until)
        self.spans.append((since, until or NOW))
        minute = since.replace(second=0, microsecond=0) + timedelta(minutes=1)
        while minute < (until or NOW):
            counts = [self._random.randint(0, 50) for _ in range(self._random.randint(1, 4))]
            watched(stream, minute, *counts)
            self.samples += [(minute, count) for count in counts]
            minute += timedelta(minutes=7)

    def expected(self, since: datetime, until: datetime) -> dict[str, Any]:
        """What the raw rows come to, counted without the database."""
        inside: Callable[[datetime], bool] = lambda when: since <= when < until  # noqa: E731
        samples = [count for when, count in self.samples if inside(when)]
        streamed = [min(end, until) - max(start, since) for start, end in self.spans if start < until and end > since]
        return {
            "hours_streamed": round(sum(streamed, timedelta()) / HOUR, 4),
            "coins_received": sum(coins for when, coins, _ in self.gifts if inside(when)),
            "gifts_received": sum(quantity for when, _, quantity in self.gifts if inside(when)),
            "average_viewers": round(sum(samples) / len(samples), 2) if samples else 0.0,
            "peak_viewers": max(samples, default=0),
            "unique_chatters": len({author.id for when, author in self.messages if inside(when)}),
            "messages": sum(inside(when) for when, _ in self.messages),
            "new_followers": sum(map(inside, self.follows)),
            "new_subscribers": sum(map(inside, self.subscriptions)),
        }

    def dashboard(self, interval: Interval, since: float = -24, until: float = 48) -> AnalyticsView:
        wanted = analytics.wanted_range(at(since), at(until), interval)
        return analytics.analytics_of(actor_of(self.streamer), wanted)

    def check(self) -> None:
        for interval, width in ((Interval.HOUR, HOUR), (Interval.DAY, DAY)):
            shown = self.dashboard(interval)
            assert plain(shown.totals) == self.expected(at(-24), at(48))
            assert len(shown.series) == 3 * DAY // width
            for point in shown.series:
                assert plain(point) == self.expected(point.at, point.at + width), point.at
        for since, until in ((-24, 0), (-23, 25), (-5, 3), (1, 24), (3, 17), (-20, 44), (23, 48)):
            shown = self.dashboard(Interval.HOUR, since, until)
            assert plain(shown.totals) == self.expected(at(since), at(until)), (since, until)


def plain(measures: object) -> dict[str, Any]:
    return {name: getattr(measures, name) for name in ZERO}


def _tables() -> dict[str, list[tuple[Any, ...]]]:
    names = (
        *("analytics_hourly", "analytics_daily", "analytics_chatters", "analytics_chatters_daily"),
        "stream_metrics_minute",
    )
    return {name: query(f"SELECT * FROM {name} ORDER BY 1, 2, 3") for name in names}


@pytest.mark.parametrize("seed", [1, 2])
def test_the_dashboard_is_exact_before_and_after_every_roll_up(seed: int) -> None:
    world, bystander = World(seed), World(seed + 100)
    for roll_up in (None, analytics_rollups.roll_up_hours, analytics_rollups.roll_up_days):
        with clock.frozen(NOW):
            if roll_up:
                roll_up()
            world.check()
            bystander.check()


def test_hours_rolled_up_while_a_stream_is_live_are_exact_later() -> None:
    world = World(3)
    for hours in (-3, 0.5, 6.02, 19, 30.9, 44.6):
        with clock.frozen(at(hours)):
            analytics_rollups.roll_up_hours()
            analytics_rollups.roll_up_days()
    with clock.frozen(NOW):
        world.check()


def test_what_is_rolled_up_is_read_from_the_roll_up() -> None:
    world = World(4)
    with clock.frozen(NOW):
        analytics_rollups.roll_up_days()
        query("UPDATE analytics_hourly SET coins = 1000000 WHERE at = %s", (at(3),))
        query("UPDATE analytics_daily SET coins = 2000000 WHERE at = %s", (SUNDAY,))
        assert world.dashboard(Interval.HOUR).series[27].coins_received == 1_000_000
        assert world.dashboard(Interval.DAY).series[1].coins_received == 2_000_000


def test_rolling_up_again_changes_nothing() -> None:
    World(5)
    with clock.frozen(NOW):
        analytics_rollups.roll_up_days()
        before = _tables()
        analytics_rollups.roll_up_days()
        analytics_rollups.recount_hours(at(-24), at(24 + 20))
        analytics_rollups.recount_days(at(-24), at(24))
    assert _tables() == before


def test_rows_that_come_late_are_counted_with_the_next_run() -> None:
    world = World(6)
    newcomer = make_user()
    with clock.frozen(NOW):
        analytics_rollups.roll_up_days()
        world.say(at(24 + 18.5), newcomer)
        world.give(at(24 + 18.5))
        analytics_rollups.roll_up_hours()
        world.check()
        world.say(at(-20), newcomer)
        world.give(at(-20))
        analytics_rollups.roll_up_days()
        world.check()


def test_what_is_no_longer_so_is_taken_back() -> None:
    streamer, fan = make_user(role=Role.STREAMER), make_user()
    followed(fan, streamer, at(1.5))
    with clock.frozen(at(3)):
        analytics_rollups.roll_up_hours()
        query("DELETE FROM follows WHERE follower_id = %s", (fan.id,))
        analytics_rollups.roll_up_hours()
    assert query("SELECT * FROM analytics_hourly WHERE streamer_id = %s", (streamer.id,)) == []


def test_many_beats_at_a_time_do_no_harm(committed_db: Settings) -> None:
    world = World(7)
    with clock.frozen(NOW):
        analytics_rollups.roll_up_days()
    alone = _tables()
    for table in ("analytics_hourly", "analytics_daily", "analytics_chatters", "analytics_chatters_daily"):
        query(f"DELETE FROM {table}")
    query("DELETE FROM analytics_progress")

    def roll_up(number: int) -> None:
        with connection(), clock.frozen(NOW):
            (analytics_rollups.roll_up_days if number % 2 else analytics_rollups.roll_up_hours)()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(roll_up, range(6)))
    assert _tables() == alone
    with clock.frozen(NOW):
        world.check()


def test_an_outage_of_days_is_made_up_for() -> None:
    world = World(8)
    with clock.frozen(at(-10)):
        analytics_rollups.roll_up_days()
    with clock.frozen(NOW + 12 * DAY):
        analytics_rollups.roll_up_hours()
        [(until,)] = query("SELECT until FROM analytics_progress WHERE name = 'hourly'")
        assert until == hour_of(NOW + 12 * DAY)
    hours = query("SELECT sum(coins), sum(messages) FROM analytics_hourly WHERE streamer_id = %s", (world.streamer.id,))
    assert hours == [(sum(coins for _, coins, _ in world.gifts), len(world.messages))]


def test_days_are_those_of_utc_whatever_clocks_do() -> None:
    streamer = make_user(role=Role.STREAMER)
    stream_between(make_channel(streamer), at(0), at(24))
    with clock.frozen(NOW):
        analytics_rollups.roll_up_days()
        shown = analytics.analytics_of(actor_of(streamer), analytics.wanted_range(at(0), at(24), Interval.HOUR))
    assert [point.hours_streamed for point in shown.series] == [1.0] * 24
    assert shown.totals.hours_streamed == 24.0


def test_a_subscription_that_goes_on_under_another_way_of_paying_is_no_new_one() -> None:
    streamer, fan = make_user(role=Role.STREAMER), make_user()
    subscribed(fan, streamer, at(2))
    query("UPDATE subscriptions SET status = 'expired', ended_at = %s WHERE streamer_id = %s", (at(3), streamer.id))
    subscribed(fan, streamer, at(2))
    query("UPDATE subscriptions SET status = 'expired', ended_at = %s WHERE streamer_id = %s", (at(4), streamer.id))
    subscribed(fan, streamer, at(4))
    query("UPDATE subscriptions SET status = 'expired', ended_at = %s WHERE status = 'active'", (at(5),))
    subscribed(fan, streamer, at(6))
    shown = analytics.analytics_of(actor_of(streamer), analytics.wanted_range(at(0), at(24), Interval.DAY))
    assert shown.totals.new_subscribers == 2


def test_somebody_who_never_streamed_sees_zeros() -> None:
    actor = actor_of(make_user(role=Role.STREAMER))
    with clock.frozen(NOW):
        shown = analytics.analytics_of(actor, analytics.wanted_range(None, None, Interval.HOUR))
    assert plain(shown.totals) == ZERO
    assert len(shown.series) == 25
    assert (shown.since, shown.until) == (hour_of(NOW) - DAY, hour_of(NOW) + HOUR)


def test_a_dashboard_takes_a_constant_number_of_queries() -> None:
    world = World(9)
    counts: dict[Interval, set[int]] = defaultdict(set)
    with clock.frozen(NOW):
        analytics_rollups.roll_up_days()
        for days in (2, 3, 30):
            for interval in Interval:
                wanted = analytics.wanted_range(NOW - days * DAY, NOW, interval)
                with statements() as sent:
                    analytics.analytics_of(actor_of(world.streamer), wanted)
                counts[interval].add(len(sent))
    assert dict(counts) == {Interval.HOUR: {4}, Interval.DAY: {5}}


@pytest.mark.parametrize(
    ("since", "until", "interval", "field"),
    [
        (at(2), at(1), Interval.HOUR, "to"),
        (at(2), at(2), Interval.DAY, "to"),
        (at(0), at(24 * 33), Interval.HOUR, "from"),
        (at(0), at(24 * 370), Interval.DAY, "from"),
    ],
)
def test_ranges_that_make_no_sense_are_refused(
    since: datetime, until: datetime, interval: Interval, field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        analytics.wanted_range(since, until, interval)
    assert refusal.value.details[0].field == field


def test_a_range_is_widened_to_whole_buckets() -> None:
    wanted = analytics.wanted_range(at(1.5), at(3.2), Interval.HOUR)
    assert (wanted.since, wanted.until) == (at(1), at(4))
    wanted = analytics.wanted_range(at(1.5), at(24), Interval.DAY)
    assert (wanted.since, wanted.until) == (day_of(at(1.5)), at(24))
