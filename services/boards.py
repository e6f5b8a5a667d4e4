"""What a session's room is shown and what changes often: the questions, and the polls.

A change is only marked here. Each realtime process with somebody in the room reads what is true
then and tells it, at most four times a second and always once more after the last change.
"""

from uuid import UUID

import msgspec
import redis
import structlog

from db.transactions import after_commit
from services.bus import bus
from services.events import BoardChanged, publish
from services.topics import room_topic

log = structlog.get_logger(__name__)


def questions_changed(room_id: UUID, session_id: UUID) -> None:
    """Mark a session's questions as changed, once the transaction commits."""
    _mark(room_id, BoardChanged(session_id=session_id))


def poll_changed(room_id: UUID, session_id: UUID, poll_id: UUID) -> None:
    """Mark a poll as changed, once the transaction commits."""
    _mark(room_id, BoardChanged(session_id=session_id, poll_id=poll_id))


def _mark(room_id: UUID, event: BoardChanged) -> None:
    after_commit(lambda: _tell(room_id, event))


def _tell(room_id: UUID, event: BoardChanged) -> None:
    """Straight to Redis, for a vote must cost one statement; through the outbox where Redis is away."""
    try:
        bus.redis.publish(room_topic(room_id), b"0\n" + msgspec.json.encode(event))
    except redis.RedisError as error:
        log.warning("board_mark_waits", error=str(error))
        publish(event, room_topic(room_id))
