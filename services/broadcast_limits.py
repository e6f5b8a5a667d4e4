"""Why a broadcast has to stop, asked every few seconds: ingest may not have heard when it was told."""

from datetime import timedelta
from uuid import UUID

from db.connection import query
from services import clock
from services.bus import bus


def reason_to_end(channel_id: UUID, stream_key_version: int, stream_id: UUID | None) -> str | None:
    """The end reason of a broadcast that may not go on; None where it may.

    The channel's key, its owner's standing, its event, the stream itself and how long it lasts are
    looked at in one query; a message that was lost with Redis costs seconds, not the whole broadcast.
    """
    rows = query(
        """SELECT k.stream_key_version, u.suspended_at, e.status, s.status, s.started_at
           FROM channels c JOIN channel_keys k USING (id) LEFT JOIN users u ON u.id = c.user_id
           LEFT JOIN events e ON e.id = c.event_id
           LEFT JOIN streams s ON s.id = %s WHERE c.id = %s""",
        (stream_id, channel_id),
    )
    if not rows or rows[0][0] != stream_key_version:
        return "suspended" if rows and rows[0][1] is not None else "key_revoked"
    _, suspended_at, event_status, stream_status, started_at = rows[0]
    if suspended_at is not None:
        return "suspended"
    if event_status == "ENDED" or stream_status == "ENDED":
        return "finished"
    longest = timedelta(seconds=bus.settings.max_stream_duration_s)
    return "max_duration" if longest and started_at is not None and clock.now() - started_at > longest else None
