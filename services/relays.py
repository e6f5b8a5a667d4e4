"""Where the picture of a live stream is: at the relay of the ingest process that its encoder came to last."""

from uuid import UUID

from db.connection import query
from services.bus import bus


def relay_of(stream_id: UUID) -> str | None:
    """The address of a live stream's relay; None where the stream is not live, or came to no relay of ours."""
    rows = query(_NEWEST, (stream_id,))
    return address(rows[0][0]) if rows else None


def address(noted: str | None) -> str:
    """The relay that a session notes; RELAY_URL names that of a process that said nothing of its own."""
    return noted or bus.settings.relay_url


_NEWEST = """
SELECT i.relay_url FROM ingest_sessions i JOIN streams s ON s.id = i.stream_id
WHERE i.stream_id = %s AND s.status = 'LIVE' AND s.media_server IS NULL
ORDER BY i.ended_at IS NULL DESC, i.started_at DESC LIMIT 1"""
