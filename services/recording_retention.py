"""Recordings that have been kept long enough go: their files first, in small batches, then what names them."""

from datetime import timedelta
from uuid import UUID

import structlog

from db.connection import connection, query
from services import clock, jobs
from services.bus import bus
from services.errors import Unavailable
from services.gateways.storage import StorageError, open_storage
from services.jobs import enqueue
from services.recordings import RECORDINGS

log = structlog.get_logger(__name__)

BATCH = 20


def expire_recordings() -> int:
    """Delete a batch of recordings older than RECORDING_RETENTION_DAYS, and ask for the next; returns how many.

    Clips of them stay. Raises Unavailable where storage is away.
    """
    days = bus.settings.recording_retention_days
    if not days:
        return 0
    with connection():
        due = [row[0] for row in query(_DUE, (clock.now() - timedelta(days=days), BATCH))]
    for stream_id in due:
        _expire(stream_id)
    if len(due) == BATCH:
        enqueue(jobs.EXPIRE_RECORDINGS)
    return len(due)


def _expire(stream_id: UUID) -> None:
    """Take the recording out of sight, then delete; what a crash leaves is found again by its state."""
    try:
        with connection():
            query("UPDATE recordings SET hls = NULL, mp4 = NULL, preview = NULL WHERE stream_id = %s", (stream_id,))
        open_storage(bus.settings).delete_prefix(f"{RECORDINGS}/{stream_id}")
    except StorageError as error:
        raise Unavailable(f"The recording of {stream_id} could not be deleted: {error}") from error
    with connection():
        query("UPDATE recordings SET status = 'EXPIRED', bytes = 0 WHERE stream_id = %s", (stream_id,))
    log.info("recording_expired", stream_id=str(stream_id))


_DUE = """
SELECT r.stream_id FROM recordings r JOIN streams s ON s.id = r.stream_id
WHERE r.status = 'READY' AND r.created_at < %s ORDER BY r.created_at LIMIT %s"""
