"""Clips: moments that viewers keep of a stream, while it is live or from its recording."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec

from db.connection import query
from db.models.clips import Clip
from db.transactions import atomic
from services import clock, jobs, playback, streams, throttle
from services.actors import Actor
from services.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited
from services.ids import new_id
from services.jobs import enqueue
from services.pages import Page, cut, decode_cursor
from services.separation import is_blocked
from services.streams import StreamView

SHORTEST_S, LONGEST_S, USUAL_S = 1.0, 120.0, 30.0
MOST_CLIPS = "20/10minutes"

Offset = Annotated[float, msgspec.Meta(ge=0, le=10_000_000)]
Seconds = Annotated[float, msgspec.Meta(ge=SHORTEST_S, le=LONGEST_S)]
Title = Annotated[str, msgspec.Meta(min_length=1, max_length=140)]


class Status(StrEnum):
    PROCESSING = "PROCESSING"
    READY = "READY"
    FAILED = "FAILED"


class ClipDraft(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Which moment: the last `duration_seconds` (30 unless told), or a range in seconds since the stream began."""

    title: Title | None = None
    duration_seconds: Seconds | None = None
    start_seconds: Offset | None = None
    end_seconds: Offset | None = None


class ClipMaker(msgspec.Struct, frozen=True):
    """Who cut the clip out."""

    id: UUID
    username: str
    name: str
    avatar: str | None


class ClipView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A clip; `url` and `thumbnail` once it is READY. Times in seconds."""

    id: UUID
    stream_id: UUID
    title: str
    status: Status
    error: str | None
    url: str | None
    thumbnail: str | None
    duration_seconds: float | None
    start_seconds: float
    created_by: ClipMaker | None
    created_at: datetime


class FollowedClip(msgspec.Struct, frozen=True, rename="camel"):
    """A clip that is being made, and where it can be followed."""

    clip: ClipView
    follow: str


class _Range(msgspec.Struct, frozen=True):
    starts_at: datetime
    ends_at: datetime


def create_clip(actor: Actor, stream_id: UUID, draft: ClipDraft) -> FollowedClip:
    """Ask for a clip of a stream that the actor may watch.

    Raises NotFound, Forbidden, Invalid, RateLimited, Conflict("nothing_to_clip").
    """
    stream = _clippable(actor, stream_id)
    wanted = _range(stream, draft)
    verdict = throttle.hit(MOST_CLIPS, "clips", str(actor.user_id))
    if not verdict.allowed:
        raise RateLimited("That is a lot of clips; take a breath.", retry_after_s=verdict.reset_s)
    clip_id = new_id()
    with atomic():
        Clip.create(
            id=clip_id,
            stream=stream_id,
            creator=actor.user_id,
            title=draft.title or stream.title,
            starts_at=wanted.starts_at,
            ends_at=wanted.ends_at,
        )
        enqueue(jobs.MAKE_CLIP, clip_id=clip_id)
    return FollowedClip(clip(actor, stream_id, clip_id), f"/api/streams/{stream_id}/clips/{clip_id}")


def clips_of_stream(actor: Actor | None, stream_id: UUID, limit: int, cursor: str | None) -> Page[ClipView]:
    """The clips of a stream that are ready, newest first; raises NotFound."""
    stream = streams.stream(stream_id, actor)
    (before,) = decode_cursor(cursor, tuple[UUID]) if cursor else (UUID(int=2**128 - 1),)
    rows = query(
        f"{_SELECT} WHERE c.stream_id = %s AND c.status = 'READY' AND c.id < %s ORDER BY c.id DESC LIMIT %s",
        (stream_id, before, limit + 1),
    )
    may_watch = streams.may_watch(stream, actor)
    return cut(rows, limit, lambda row: _view(row, may_watch), lambda row: (row[0],))


def clip(actor: Actor | None, stream_id: UUID, clip_id: UUID) -> ClipView:
    """One clip of a stream; raises NotFound, also for one in the making that is somebody else's."""
    stream = streams.stream(stream_id, actor)
    rows = query(f"{_SELECT} WHERE c.id = %s AND c.stream_id = %s", (clip_id, stream_id))
    found = _view(rows[0], streams.may_watch(stream, actor)) if rows else None
    if found is None or not (found.status is Status.READY or _is_makers(actor, found)):
        raise NotFound("No such clip.")
    return found


_SELECT = """
SELECT c.id, c.stream_id, c.title, c.status, c.error, c.video, c.thumbnail, c.duration_s, s.visibility,
       greatest(0, extract(epoch FROM c.starts_at - s.started_at))::float8, c.created_at,
       u.id, u.username, u.name, u.avatar
FROM clips c JOIN streams s ON s.id = c.stream_id LEFT JOIN users u ON u.id = c.creator_id"""


def _view(row: tuple[Any, ...], may_watch: bool) -> ClipView:
    id_, stream_id, title, status, error, video, thumbnail, duration_s, visibility, start_s, created_at = row[:11]
    return ClipView(
        id=id_,
        stream_id=stream_id,
        title=title,
        status=Status(status),
        error=error,
        url=playback.media_url(video, stream_id, visibility) if video and may_watch else None,
        thumbnail=playback.media_url(thumbnail, stream_id, visibility) if thumbnail and may_watch else None,
        duration_seconds=duration_s,
        start_seconds=round(start_s, 3),
        created_by=ClipMaker(*row[11:]) if row[11] else None,
        created_at=created_at,
    )


def _is_makers(actor: Actor | None, found: ClipView) -> bool:
    made_by = found.created_by.id if found.created_by else None
    return actor is not None and (actor.is_admin or actor.user_id == made_by)


def _clippable(actor: Actor, stream_id: UUID) -> StreamView:
    stream = streams.stream(stream_id, actor)
    if not streams.may_watch(stream, actor):
        raise Forbidden("This stream is for subscribers.", "subscription_required")
    if stream.streamer is not None and is_blocked(actor.user_id, stream.streamer.id):
        raise Forbidden("You cannot clip this streamer.", "blocked")
    is_ours = stream.source_url is None and stream.source_type == "RTMP"
    if not is_ours or stream.playback.hls is None or stream.started_at is None:
        raise Conflict("There is nothing to cut a clip from.", "nothing_to_clip")
    return stream


def _range(stream: StreamView, draft: ClipDraft) -> _Range:
    assert stream.started_at is not None
    last = stream.ended_at or clock.now()
    if draft.start_seconds is None and draft.end_seconds is None:
        length = timedelta(seconds=draft.duration_seconds or USUAL_S)
        return _Range(max(stream.started_at, last - length), max(last, stream.started_at + timedelta(seconds=1)))
    start_s, end_s = _bounds(draft)
    starts_at = stream.started_at + timedelta(seconds=start_s)
    if starts_at >= last:
        raise Invalid.field("startSeconds", "lies after the end of what there is")
    return _Range(starts_at, min(last, stream.started_at + timedelta(seconds=end_s)))


def _bounds(draft: ClipDraft) -> tuple[float, float]:
    """Where a range begins and ends, in seconds since the stream began."""
    length_s = draft.duration_seconds or USUAL_S
    start_s, end_s = draft.start_seconds, draft.end_seconds
    if start_s is None:
        start_s = max(0.0, (end_s or 0.0) - length_s)
    if end_s is None:
        end_s = start_s + length_s
    if not SHORTEST_S <= end_s - start_s <= LONGEST_S:
        raise Invalid.field("endSeconds", f"must be {SHORTEST_S:g} to {LONGEST_S:g} s after startSeconds")
    return start_s, end_s
