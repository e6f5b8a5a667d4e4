"""Names of the Redis pub/sub channels by which events reach the realtime and ingest processes."""

from uuid import UUID

CONTROL = "control"
INGEST = "ingest"
#: Organised events going live and ending, for all who asked to be told of things.
EVENTS = "events"


def room_topic(room_id: UUID) -> str:
    """Everybody in a room."""
    return f"room:{room_id}"


def user_topic(user_id: UUID) -> str:
    """One person, on every device."""
    return f"user:{user_id}"


def followers_topic(streamer_id: UUID) -> str:
    """Followers of a streamer who asked to be told."""
    return f"followers:{streamer_id}"
