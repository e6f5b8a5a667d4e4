"""What happened to streamers hour by hour, counted from the raw rows: for the roll-ups, and for what they lack yet.

Hours and days are those of UTC, so that no clock change makes one longer or counts one twice.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from db.connection import query
from services import clock
from services.ids import first_id_of
from services.received_coins import RECEIVED


class Facts(msgspec.Struct, frozen=True):
    """Sums and counts of one streamer's hour or day; `at` is when it begins.

    `gifts` are pieces, `coins` what viewers paid, `new_followers` those who still follow.
    """

    at: datetime
    streamed_ms: int = 0
    viewers_sum: int = 0
    samples: int = 0
    peak_viewers: int = 0
    messages: int = 0
    unique_chatters: int = 0
    coins: int = 0
    gifts: int = 0
    new_followers: int = 0
    new_subscribers: int = 0


#: The columns of `Facts` in the tables of the roll-ups.
COLUMNS = ", ".join(Facts.__struct_fields__)


def parameters(since: datetime, until: datetime, streamer_id: UUID | None = None) -> dict[str, Any]:
    """What HOURS and CHATTERS take: whole hours, and whose (None: everybody's)."""
    return {
        "since": since,
        "until": until,
        "now": clock.now(),
        "floor": first_id_of(since),
        "streamer": streamer_id,
    }


def hours_of(streamer_id: UUID, since: datetime, until: datetime) -> list[Facts]:
    """The hours from `since` to `until` in which anything happened, counted now."""
    rows = query(f"SELECT {COLUMNS} FROM ({HOURS}) hours ORDER BY at", parameters(since, until, streamer_id))  # noqa: S608
    return [Facts(*row) for row in rows]


# Each part names its own measures; a reader of the sums below sees at once what is counted.
_STREAMED = """
SELECT c.user_id AS streamer_id, h.at,
       (extract(epoch FROM least(s.ended_at, %(now)s, h.at + interval '1 hour') - greatest(s.started_at, h.at))
        * 1000)::bigint AS streamed_ms,
       0::bigint AS viewers_sum, 0::bigint AS samples, 0 AS peak_viewers, 0::bigint AS messages,
       0::bigint AS unique_chatters, 0::bigint AS coins, 0::bigint AS gifts,
       0::bigint AS new_followers, 0::bigint AS new_subscribers
FROM streams s JOIN channels c ON c.id = s.channel_id
CROSS JOIN LATERAL generate_series(
    date_trunc('hour', greatest(s.started_at, %(since)s), 'UTC'),
    least(s.ended_at, %(now)s, %(until)s) - interval '1 microsecond', interval '1 hour') AS h (at)
WHERE s.started_at < %(until)s AND (s.status = 'LIVE' OR s.ended_at > %(since)s)"""

_WATCHED = """
SELECT c.user_id, date_trunc('hour', m.minute, 'UTC'), 0, sum(m.viewers_sum), sum(m.samples), max(m.viewers),
       0, 0, 0, 0, 0, 0
FROM stream_metrics_minute m JOIN streams s ON s.id = m.stream_id JOIN channels c ON c.id = s.channel_id
WHERE m.minute >= %(since)s AND m.minute < %(until)s AND ({mine}) GROUP BY 1, 2"""

_SAID = """
SELECT c.user_id, date_trunc('hour', m.created_at, 'UTC'), 0, 0, 0, 0, count(*), count(DISTINCT m.author_id), 0, 0, 0, 0
FROM messages m JOIN channels c ON c.room_id = m.room_id
WHERE m.id >= %(floor)s AND m.created_at >= %(since)s AND m.created_at < %(until)s AND ({mine}) GROUP BY 1, 2"""

_EARNED = """
SELECT r.streamer_id, date_trunc('hour', r.created_at, 'UTC'), 0, 0, 0, 0, 0, 0, sum(r.coins), sum(r.gifts), 0, 0
FROM ({received}) r
WHERE r.created_at >= %(since)s AND r.created_at < %(until)s AND ({mine}) GROUP BY 1, 2"""

_FOLLOWED = """
SELECT c.user_id, date_trunc('hour', f.created_at, 'UTC'), 0, 0, 0, 0, 0, 0, 0, 0, count(*), 0
FROM follows f JOIN channels c ON c.user_id = f.following_id
WHERE f.created_at >= %(since)s AND f.created_at < %(until)s AND ({mine}) GROUP BY 1, 2"""

# Who goes on under another tier or way of paying is nobody new, although that may be another row: one
# that began at the same time, or at the moment at which the one before it ended.
_SUBSCRIBED = """
SELECT s.streamer_id, date_trunc('hour', s.started_at, 'UTC'), 0, 0, 0, 0, 0, 0, 0, 0, 0,
       count(DISTINCT (s.subscriber_id, s.started_at))
FROM subscriptions s
WHERE s.started_at >= %(since)s AND s.started_at < %(until)s AND ({mine}) AND NOT EXISTS (
    SELECT FROM subscriptions b
    WHERE b.subscriber_id = s.subscriber_id AND b.streamer_id = s.streamer_id AND b.started_at < s.started_at
      AND b.ended_at BETWEEN s.started_at - interval '1 second' AND s.started_at + interval '1 second')
GROUP BY 1, 2"""


def _mine(column: str) -> str:
    """The condition that a row is of the streamer asked for; the planner drops it where everybody's are."""
    return f"%(streamer)s::uuid IS NULL OR {column} = %(streamer)s::uuid"


HOURS = f"""
SELECT streamer_id, at, sum(streamed_ms)::bigint AS streamed_ms, sum(viewers_sum)::bigint AS viewers_sum,
       sum(samples)::integer AS samples, max(peak_viewers)::integer AS peak_viewers,
       sum(messages)::integer AS messages, sum(unique_chatters)::integer AS unique_chatters,
       sum(coins)::bigint AS coins, sum(gifts)::integer AS gifts,
       sum(new_followers)::integer AS new_followers, sum(new_subscribers)::integer AS new_subscribers
FROM (
    {_STREAMED} AND c.user_id IS NOT NULL AND ({_mine("c.user_id")})
    UNION ALL {_WATCHED.format(mine=_mine("c.user_id"))}
    UNION ALL {_SAID.format(mine=_mine("c.user_id"))}
    UNION ALL {_EARNED.format(received=RECEIVED, mine=_mine("r.streamer_id"))}
    UNION ALL {_FOLLOWED.format(mine=_mine("c.user_id"))}
    UNION ALL {_SUBSCRIBED.format(mine=_mine("s.streamer_id"))}
) facts
WHERE streamer_id IS NOT NULL GROUP BY streamer_id, at"""  # noqa: S608 - built from constants

CHATTERS = f"""
SELECT DISTINCT c.user_id AS streamer_id, date_trunc('hour', m.created_at, 'UTC') AS at, m.author_id AS chatter_id
FROM messages m JOIN channels c ON c.room_id = m.room_id
WHERE m.id >= %(floor)s AND m.created_at >= %(since)s AND m.created_at < %(until)s
  AND m.author_id IS NOT NULL AND c.user_id IS NOT NULL AND ({_mine("c.user_id")})"""  # noqa: S608 - of constants
