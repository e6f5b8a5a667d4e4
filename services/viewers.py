"""How many watch each live stream: counted by presence, kept on the stream for lists to sort by, and sampled."""

from db.connection import query
from db.transactions import atomic
from services import clock, presence, stream_metrics
from services.stream_metrics import MINUTE


def sample() -> int:
    """Write down the viewers of every live stream; returns how many streams changed.

    Messages and coins of this minute and the last are counted along.
    """
    at = clock.now()
    live = query(_LIVE)
    counted = [(stream_id, presence.viewer_count(room_id), before) for stream_id, room_id, before in live]
    changed = [(stream_id, count) for stream_id, count, before in counted if count != before]
    if changed:
        _keep(changed)
    with atomic():
        stream_metrics.record_sample(at, [(stream_id, count) for stream_id, count, _ in counted])
        minute = stream_metrics.minute_of(at)
        stream_metrics.recount(minute - MINUTE, minute + MINUTE)
    return len(changed)


def _keep(changed: list[tuple[object, int]]) -> None:
    ids, counts = zip(*changed, strict=True)
    query(_CHANGE, (list(ids), list(counts)))


_LIVE = """
SELECT s.id, c.room_id, s.viewer_count FROM streams s JOIN channels c ON c.id = s.channel_id
WHERE s.status = 'LIVE'"""

_CHANGE = """
UPDATE streams s SET viewer_count = n.count, peak_viewers = greatest(s.peak_viewers, n.count)
FROM unnest(%s::uuid[], %s::integer[]) AS n (id, count) WHERE s.id = n.id AND s.status = 'LIVE'"""
