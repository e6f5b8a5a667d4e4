"""What is known of the picture that comes in, kept for a few seconds at a time."""

from uuid import UUID

import msgspec

from services.bus import bus

KEPT_S = 15


class MediaFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the picture that comes in; None is not known yet."""

    video_codec: str | None = None
    audio_codec: str | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    bitrate_kbps: int | None = None
    keyframe_interval_s: float | None = None
    dropped_frames: int | None = None


def remember_facts(stream_id: UUID, facts: MediaFacts) -> None:
    """Keep what is known of the picture for the streamer's status page."""
    bus.redis.set(_key(stream_id), msgspec.json.encode(facts), ex=KEPT_S)


def facts_of(stream_id: UUID) -> MediaFacts | None:
    """What the picture was like a few seconds ago; None where nothing comes in."""
    found = bus.redis.get(_key(stream_id))
    return msgspec.json.decode(found, type=MediaFacts) if isinstance(found, bytes) else None


def _key(stream_id: UUID) -> str:
    return f"facts:{stream_id}"
