"""Roll-ups: hours and days that are over, kept as sums so that a dashboard reads them cheaply.

Every run counts a stretch of hours anew from the raw rows and puts what it finds in the place of what
was kept: it can be run twice, by two at once, and after rows came late. Hours are counted again for
three hours after they end, and all of the last seven days once a day.
"""

from datetime import datetime, timedelta

from db.connection import query
from db.transactions import atomic
from services import clock, retention, stream_metrics
from services.analytics_facts import CHATTERS, COLUMNS, HOURS, parameters

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
#: A transaction that is under way when its hour ends commits by then.
SETTLES_AFTER = timedelta(minutes=2)
HOURS_RECOUNTED = 3 * HOUR
DAYS_RECOUNTED = 7 * DAY
_STRETCH = DAY


def roll_up_hours() -> int:
    """Count the hours that ended since the last run, and three before them; returns how many stretches."""
    until = hour_of(clock.now() - SETTLES_AFTER)
    since = min(_rolled_until("hourly") or _beginning(until), until - HOURS_RECOUNTED)
    return recount_hours(since, until)


def roll_up_days() -> int:
    """Count the days that ended since the last run, and seven before them; returns how many days."""
    until = day_of(clock.now() - SETTLES_AFTER)
    since = min(_rolled_until("daily") or _beginning(until), until - DAYS_RECOUNTED)
    roll_up_hours()
    recount_hours(since, until)
    return recount_days(since, until)


def recount_hours(since: datetime, until: datetime) -> int:
    """Count the whole hours from `since` to `until`, a day at a time; returns in how many stretches.

    Days of which raw rows have been deleted keep what was counted of them.
    """
    since, stretches = max(since, retention.gone_before() or since), 0
    while since < until:
        end = min(day_of(since) + _STRETCH, until)
        _recount_stretch(since, end)
        since, stretches = end, stretches + 1
    return stretches


def recount_days(since: datetime, until: datetime) -> int:
    """Sum up the whole days (UTC) from `since` to `until` from their hours; returns how many."""
    with atomic():
        _take_turns()
        query(_CHATTERS_OF_DAYS, {"since": since, "until": until})
        query(_DAYS, {"since": since, "until": until})
        _advance("daily", since, until)
    return (until - since) // DAY


def hour_of(at: datetime) -> datetime:
    """The hour that a moment lies in."""
    return at.replace(minute=0, second=0, microsecond=0)


def day_of(at: datetime) -> datetime:
    """The day (UTC) that a moment lies in."""
    return hour_of(at).replace(hour=0)


def _recount_stretch(since: datetime, until: datetime) -> None:
    values = parameters(since, until)
    with atomic():
        _take_turns()
        stream_metrics.recount(since, until)
        query(_CHATTERS, values)
        query(_HOURS, values)
        _advance("hourly", since, until)


def _take_turns() -> None:
    """Let two roll-ups that run at once come one after the other."""
    query("SELECT pg_advisory_xact_lock(hashtext('analytics'))")


def _rolled_until(name: str) -> datetime | None:
    rows = query("SELECT until FROM analytics_progress WHERE name = %s", (name,))
    return rows[0][0] if rows else None


def _advance(name: str, since: datetime, until: datetime) -> None:
    """Say that everything up to `until` is rolled up, where all before `since` is."""
    query(_ADVANCE, {"name": name, "since": since, "until": until})


def _beginning(latest: datetime) -> datetime:
    """The day of the first thing that ever happened; `latest` where nothing has."""
    [(first,)] = query(_FIRST)
    return day_of(first) if first is not None and first < latest else latest


_FIRST = """
SELECT least((SELECT min(started_at) FROM streams), (SELECT min(minute) FROM stream_metrics_minute),
             (SELECT min(created_at) FROM messages), (SELECT min(created_at) FROM gift_transactions),
             (SELECT min(created_at) FROM follows), (SELECT min(created_at) FROM marketplace_purchases),
             (SELECT min(started_at) FROM subscriptions))"""

# Nothing was rolled up yet, or this stretch joins what was.
_ADVANCE = """
INSERT INTO analytics_progress AS p (name, until) VALUES (%(name)s, %(until)s)
ON CONFLICT (name) DO UPDATE SET until = excluded.until WHERE p.until >= %(since)s AND p.until < excluded.until"""


def _people(table: str, fresh: str) -> str:
    """SQL that makes the people of a stretch those of the query `fresh`."""
    return f"""
WITH fresh AS MATERIALIZED ({fresh}), gone AS (
    DELETE FROM {table} k WHERE k.at >= %(since)s AND k.at < %(until)s AND NOT EXISTS (
        SELECT FROM fresh WHERE (fresh.streamer_id, fresh.at, fresh.chatter_id) = (k.streamer_id, k.at, k.chatter_id))
)
INSERT INTO {table} (streamer_id, at, chatter_id)
SELECT streamer_id, at, chatter_id FROM fresh ON CONFLICT DO NOTHING"""  # noqa: S608 - built from constants


def _replacing(table: str, fresh: str) -> str:
    """SQL that makes the rows of a stretch those of the query `fresh`, writing only what is different."""
    return f"""
WITH fresh AS MATERIALIZED ({fresh}), gone AS (
    DELETE FROM {table} k WHERE k.at >= %(since)s AND k.at < %(until)s AND NOT EXISTS (
        SELECT FROM fresh WHERE (fresh.streamer_id, fresh.at) = (k.streamer_id, k.at))
)
INSERT INTO {table} AS k (streamer_id, {COLUMNS})
SELECT streamer_id, {COLUMNS} FROM fresh
ON CONFLICT (streamer_id, at) DO UPDATE SET ({COLUMNS}) = ROW ({_of("excluded")})
WHERE ({_of("k")}) IS DISTINCT FROM ({_of("excluded")})"""  # noqa: S608 - built from constants


def _of(row: str) -> str:
    return ", ".join(f"{row}.{column}" for column in COLUMNS.split(", "))


_HOURS = _replacing("analytics_hourly", HOURS)
_CHATTERS = _people("analytics_chatters", CHATTERS)
_CHATTERS_OF_DAYS = _people(
    "analytics_chatters_daily",
    """
SELECT DISTINCT streamer_id, date_trunc('day', at, 'UTC') AS at, chatter_id FROM analytics_chatters
WHERE at >= %(since)s AND at < %(until)s""",
)

# People who chatted in several hours of a day are one.
_DAYS = _replacing(
    "analytics_daily",
    """
SELECT h.streamer_id, date_trunc('day', h.at, 'UTC') AS at, sum(h.streamed_ms)::bigint AS streamed_ms,
       sum(h.viewers_sum)::bigint AS viewers_sum, sum(h.samples)::integer AS samples,
       max(h.peak_viewers) AS peak_viewers, sum(h.messages)::integer AS messages,
       coalesce(max(c.people), 0)::integer AS unique_chatters, sum(h.coins)::bigint AS coins,
       sum(h.gifts)::integer AS gifts, sum(h.new_followers)::integer AS new_followers,
       sum(h.new_subscribers)::integer AS new_subscribers
FROM analytics_hourly h LEFT JOIN (
    SELECT streamer_id, at AS day, count(*) AS people
    FROM analytics_chatters_daily WHERE at >= %(since)s AND at < %(until)s GROUP BY 1, 2
) c ON c.streamer_id = h.streamer_id AND c.day = date_trunc('day', h.at, 'UTC')
WHERE h.at >= %(since)s AND h.at < %(until)s GROUP BY 1, 2""",
)
