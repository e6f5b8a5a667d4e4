"""What happened on each stream minute by minute: viewers as they were sampled, messages, coins."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from db.connection import query
from services.ids import first_id_of
from services.received_coins import RECEIVED

SLOT_S = 15
MINUTE = timedelta(minutes=1)


def record_sample(at: datetime, counted: Sequence[tuple[UUID, int]]) -> None:
    """Write down how many watched each stream at `at`; a second sample of the same quarter minute is none."""
    if not counted:
        return
    ids, counts = zip(*sorted(counted), strict=True)
    minute = minute_of(at)
    slot = 1 << (at - minute).seconds // SLOT_S
    query(_RECORD, {"ids": list(ids), "counts": list(counts), "minute": minute, "slot": slot})


def recount(since: datetime, until: datetime) -> None:
    """Count messages and coins of the minutes from `since` to `until` (whole minutes) of every stream anew."""
    query(_RECOUNT, {"since": since, "until": until, "floor": first_id_of(since)})


def minute_of(at: datetime) -> datetime:
    """The minute that a moment lies in."""
    return at.replace(second=0, microsecond=0)


_RECORD = """
INSERT INTO stream_metrics_minute AS m (stream_id, minute, slots, samples, viewers_sum, viewers)
SELECT n.id, %(minute)s, %(slot)s, 1, n.count, n.count
FROM unnest(%(ids)s::uuid[], %(counts)s::integer[]) AS n (id, count) JOIN streams s ON s.id = n.id ORDER BY n.id
ON CONFLICT ON CONSTRAINT stream_metrics_minute_pkey DO UPDATE
SET slots = m.slots | excluded.slots, samples = m.samples + 1,
    viewers_sum = m.viewers_sum + excluded.viewers_sum, viewers = greatest(m.viewers, excluded.viewers)
WHERE m.slots & excluded.slots = 0"""

# Only what was said and given between a stream's beginning and its end is the stream's.
_RECOUNT = f"""
WITH live AS (
    SELECT s.id, c.room_id, c.user_id, greatest(s.started_at, %(since)s) AS since,
           least(s.ended_at, %(until)s) AS until
    FROM streams s JOIN channels c ON c.id = s.channel_id
    WHERE s.started_at < %(until)s AND (s.status = 'LIVE' OR s.ended_at > %(since)s)
), counted AS (
    SELECT l.id, date_trunc('minute', m.created_at, 'UTC') AS minute, count(*) AS messages, 0 AS coins
    FROM live l JOIN messages m ON m.room_id = l.room_id AND m.created_at >= l.since AND m.created_at < l.until
    GROUP BY 1, 2
    UNION ALL
    SELECT l.id, date_trunc('minute', r.created_at, 'UTC'), 0, sum(r.coins)
    FROM live l JOIN ({RECEIVED}) r
      ON r.streamer_id = l.user_id AND r.created_at >= l.since AND r.created_at < l.until
    GROUP BY 1, 2
)
INSERT INTO stream_metrics_minute AS m (stream_id, minute, messages, coins)
SELECT id, minute, sum(messages), sum(coins) FROM counted GROUP BY 1, 2 ORDER BY 1, 2
ON CONFLICT ON CONSTRAINT stream_metrics_minute_pkey DO UPDATE
SET messages = excluded.messages, coins = excluded.coins
WHERE (m.messages, m.coins) IS DISTINCT FROM (excluded.messages, excluded.coins)"""  # noqa: S608 - of constants
