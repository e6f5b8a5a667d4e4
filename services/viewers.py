"""How many watch each live stream: counted by presence, kept on the stream for lists to sort by."""

from db.connection import query
from services import presence


def sample() -> int:
    """Write down the viewers of every live stream; returns how many streams changed."""
    live = query(
        """SELECT s.id, c.room_id, s.viewer_count FROM streams s JOIN channels c ON c.id = s.channel_id
           WHERE s.status = 'LIVE'"""
    )
    counted = [(stream_id, presence.viewer_count(room_id), before) for stream_id, room_id, before in live]
    changed = [(stream_id, count) for stream_id, count, before in counted if count != before]
    if changed:
        ids, counts = zip(*changed, strict=True)
        query(
            """UPDATE streams s SET viewer_count = n.count, peak_viewers = greatest(s.peak_viewers, n.count)
               FROM unnest(%s::uuid[], %s::integer[]) AS n (id, count) WHERE s.id = n.id AND s.status = 'LIVE'""",
            (list(ids), list(counts)),
        )
    return len(changed)
