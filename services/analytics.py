"""A streamer's dashboard: what happened over a range of hours or days, in all and bucket by bucket.

What is rolled up is read; what is not yet (the current hour, mostly) is counted on the spot, for
this one streamer, so that the answer is exact at any moment.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Any
from uuid import UUID

import msgspec

from db.connection import query
from services import analytics_facts, clock
from services.actors import Actor
from services.analytics_facts import COLUMNS, Facts
from services.analytics_rollups import DAY, HOUR, day_of, hour_of
from services.errors import Invalid

MS_PER_HOUR = 3_600_000
MOMENT = timedelta(microseconds=1)


class Interval(StrEnum):
    """How wide a bucket is."""

    HOUR = "hour"
    DAY = "day"


WIDTH: Mapping[Interval, timedelta] = {Interval.HOUR: HOUR, Interval.DAY: DAY}
LONGEST: Mapping[Interval, timedelta] = {Interval.HOUR: 31 * DAY, Interval.DAY: 366 * DAY}
USUAL: Mapping[Interval, timedelta] = {Interval.HOUR: DAY, Interval.DAY: 30 * DAY}


class Range(msgspec.Struct, frozen=True):
    """From when to when (exclusive), in buckets of what width; whole buckets are shown."""

    since: datetime
    until: datetime
    interval: Interval


class Totals(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What happened in a time. `coins_received` are those that viewers paid; `average_viewers` of all samples."""

    hours_streamed: float
    coins_received: int
    gifts_received: int
    average_viewers: float
    peak_viewers: int
    unique_chatters: int
    messages: int
    new_followers: int
    new_subscribers: int


class Point(Totals, frozen=True, kw_only=True, rename="camel"):
    """What happened in the bucket that begins `at`."""

    at: datetime


class AnalyticsView(msgspec.Struct, frozen=True, kw_only=True):
    """A range, its totals, and each of its buckets, empty ones included. People are distinct in each alone."""

    since: datetime = msgspec.field(name="from")
    until: datetime = msgspec.field(name="to")
    interval: Interval
    totals: Totals
    series: list[Point]


class _RolledUp(msgspec.Struct, frozen=True):
    """How far into a range the roll-ups reach; days are whole ones."""

    hours_until: datetime
    days_until: datetime


def wanted_range(since: datetime | None, until: datetime | None, interval: Interval) -> Range:
    """The whole buckets that a range touches; up to now, and a day or thirty long, where nothing is said.

    Raises Invalid for a range that ends before it begins, or is longer than 31 days of hours or
    366 days.
    """
    until = until or clock.now()
    since = since or until - USUAL[interval]
    if until <= since:
        raise Invalid.field("to", "must come after from", "ends_before_start")
    floor = hour_of if interval is Interval.HOUR else day_of
    first, last = floor(since), floor(until - MOMENT) + WIDTH[interval]
    if last - first > LONGEST[interval] + WIDTH[interval]:
        raise Invalid.field("from", f"must not be more than {LONGEST[interval].days} days before to", "range_too_long")
    return Range(first, last, interval)


def analytics_of(actor: Actor, wanted: Range) -> AnalyticsView:
    """The actor's own dashboard, in a constant number of queries."""
    rolled = _rolled_up(wanted)
    people = _chatters(actor.user_id, wanted, rolled)
    if wanted.interval is Interval.HOUR:
        found = _hours(actor.user_id, wanted.since, wanted.until, rolled)
    else:
        found = _days(actor.user_id, wanted, rolled, people)
    by_time = {facts.at: facts for facts in found}
    count = (wanted.until - wanted.since) // WIDTH[wanted.interval]
    times = [wanted.since + number * WIDTH[wanted.interval] for number in range(count)]
    return AnalyticsView(
        since=wanted.since,
        until=wanted.until,
        interval=wanted.interval,
        totals=Totals(**_measures(_sum(wanted.since, found, people.get(None, 0)))),
        series=[Point(at=at, **_measures(by_time.get(at) or Facts(at))) for at in times],
    )


def _rolled_up(wanted: Range) -> _RolledUp:
    marks = dict(query("SELECT name, until FROM analytics_progress"))
    hours, days = (min(max(marks.get(name, wanted.since), wanted.since), wanted.until) for name in ("hourly", "daily"))
    return _RolledUp(hours, day_of(min(days, hours)))


def _hours(streamer_id: UUID, since: datetime, until: datetime, rolled: _RolledUp) -> list[Facts]:
    """Each hour in which anything happened: as it was rolled up, or counted now."""
    if since >= until:
        return []
    kept = _kept("analytics_hourly", streamer_id, since, rolled.hours_until)
    return kept + analytics_facts.hours_of(streamer_id, max(since, rolled.hours_until), until)


def _days(streamer_id: UUID, wanted: Range, rolled: _RolledUp, people: Mapping[datetime | None, int]) -> list[Facts]:
    """Each day in which anything happened: as it was rolled up, or summed up from its hours now."""
    kept = _kept("analytics_daily", streamer_id, wanted.since, rolled.days_until)
    hours = _hours(streamer_id, rolled.days_until, wanted.until, rolled)
    days = groupby(hours, lambda facts: day_of(facts.at))
    return kept + [_sum(day, list(of_day), people.get(day, 0)) for day, of_day in days]


def _kept(table: str, streamer_id: UUID, since: datetime, until: datetime) -> list[Facts]:
    sql = f"SELECT {COLUMNS} FROM {table} WHERE streamer_id = %s AND at >= %s AND at < %s ORDER BY at"  # noqa: S608
    return [Facts(*row) for row in query(sql, (streamer_id, since, until))]


def _chatters(streamer_id: UUID, wanted: Range, rolled: _RolledUp) -> dict[datetime | None, int]:
    """How many people chatted in the whole range (under None), and on each day that is not rolled up."""
    values = analytics_facts.parameters(rolled.hours_until, wanted.until, streamer_id)
    first_day = day_of(wanted.since - MOMENT) + DAY
    days = {"from": wanted.since, "first_day": first_day, "days_until": rolled.days_until}
    return dict(query(_CHATTERS, values | days))


def _sum(at: datetime, parts: Sequence[Facts], people: int) -> Facts:
    """Several hours or days as one; the people of all of them were counted apart."""
    return Facts(
        at,
        peak_viewers=max((part.peak_viewers for part in parts), default=0),
        unique_chatters=people,
        **{name: sum(getattr(part, name) for part in parts) for name in _SUMMED},
    )


def _measures(facts: Facts) -> dict[str, Any]:
    return {
        "hours_streamed": round(facts.streamed_ms / MS_PER_HOUR, 4),
        "coins_received": facts.coins,
        "gifts_received": facts.gifts,
        "average_viewers": round(facts.viewers_sum / facts.samples, 2) if facts.samples else 0.0,
        "peak_viewers": facts.peak_viewers,
        "unique_chatters": facts.unique_chatters,
        "messages": facts.messages,
        "new_followers": facts.new_followers,
        "new_subscribers": facts.new_subscribers,
    }


_SUMMED = tuple(set(Facts.__struct_fields__) - {"at", "peak_viewers", "unique_chatters"})

# Whole days that are rolled up are read as such, what lies around them hour by hour, the rest from the messages.
_CHATTERS = f"""
WITH people AS MATERIALIZED (
    SELECT at, chatter_id FROM analytics_chatters_daily
    WHERE streamer_id = %(streamer)s AND at >= %(first_day)s AND at < %(days_until)s
    UNION ALL SELECT at, chatter_id FROM analytics_chatters
    WHERE streamer_id = %(streamer)s AND at >= %(from)s AND at < %(since)s
      AND (at < %(first_day)s OR at >= %(days_until)s)
    UNION ALL SELECT at, chatter_id FROM ({analytics_facts.CHATTERS}) counted
)
SELECT date_trunc('day', at, 'UTC'), count(DISTINCT chatter_id) FROM people WHERE at >= %(days_until)s GROUP BY 1
UNION ALL SELECT NULL, count(*) FROM (SELECT DISTINCT chatter_id FROM people) everybody"""  # noqa: S608 - of constants
