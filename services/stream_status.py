"""How a streamer's broadcast is doing, for the dashboard beside OBS."""

from uuid import UUID

import msgspec

from db.models.streams import Stream
from services import clock, presence, transcode_register
from services.actors import Actor
from services.channels import own_channel
from services.media_facts import MediaFacts, facts_of
from services.streams import Status

LONGEST_KEYFRAME_INTERVAL_S = 4.0


class StreamStatus(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Measured facts, and a verdict with its reason."""

    is_live: bool
    stream_id: UUID | None = None
    uptime_seconds: int = 0
    bitrate_kbps: int | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    video_codec: str | None = None
    audio_codec: str | None = None
    keyframe_interval_seconds: float | None = None
    dropped_frames: int | None = None
    viewer_count: int = 0
    health: str = "OFFLINE"
    health_reason: str | None = None
    renditions: list[str] = []


def stream_status(actor: Actor) -> StreamStatus:
    """How the actor's channel is doing at this moment."""
    channel = own_channel(actor)
    row = Stream.select().where(Stream.channel == channel.id, Stream.status == Status.LIVE.value).first()
    if row is None:
        return StreamStatus(is_live=False)
    facts = facts_of(row.id) or MediaFacts()
    ladder = transcode_register.transcode_status(row.id)
    trouble = _trouble(row, facts, ladder)
    return StreamStatus(
        is_live=True,
        stream_id=row.id,
        uptime_seconds=max(0, int((clock.now() - row.started_at).total_seconds())),  # a clock may go back
        bitrate_kbps=facts.bitrate_kbps,
        width=facts.width,
        height=facts.height,
        fps=facts.fps,
        video_codec=facts.video_codec,
        audio_codec=facts.audio_codec,
        keyframe_interval_seconds=facts.keyframe_interval_s,
        dropped_frames=facts.dropped_frames,
        viewer_count=presence.viewer_count(channel.room_id),
        health="GOOD" if trouble is None else "OFFLINE" if row.interrupted_at else "DEGRADED",
        health_reason=trouble,
        renditions=["source", *(ladder.rungs if ladder else [])],
    )


def _trouble(row: Stream, facts: MediaFacts, ladder: transcode_register.TranscodeStatus | None) -> str | None:
    """What is wrong, in words for the streamer; None where nothing is."""
    if row.interrupted_at is not None:
        return "The encoder has lost its connection; the stream goes on when it returns."
    if row.media_server is not None:
        return None  # what arrives at another server is measured there
    if facts == MediaFacts():
        return "No picture has been measured yet."
    if facts.keyframe_interval_s and facts.keyframe_interval_s > LONGEST_KEYFRAME_INTERVAL_S:
        return f"A keyframe every {facts.keyframe_interval_s:.0f} s is too seldom; set the encoder to 2 s."
    if ladder and ladder.shed:
        return f"Renditions left out ({', '.join(ladder.shed)}): {ladder.reason or 'no room'}."
    return None
