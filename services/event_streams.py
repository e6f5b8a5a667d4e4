"""What an event is watched on: a video elsewhere, or a broadcast through our own ingest."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from db.connection import query
from db.models.channels import Channel
from db.models.live_events import LiveEvent
from db.models.streams import Stream
from db.transactions import atomic
from services import broadcasts, channels, clock, outside_urls, playback
from services.actors import Actor
from services.broadcast_audience import event_topics, streamer_ref
from services.channels import StreamKey
from services.errors import Conflict, Invalid, NotFound
from services.events import PublishCut, StreamStarted, StreamStatusChanged, publish
from services.ids import new_id
from services.live_events import Title, visible_event
from services.organisers import must_organise
from services.pages import Page, cut, decode_cursor
from services.projects import Stage
from services.refusals import translating
from services.topics import INGEST, room_topic

SourceUrl = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]


class Source(StrEnum):
    """Where the picture comes from."""

    RTMP = "RTMP"
    HLS = "HLS"
    YOUTUBE = "YOUTUBE"


class Airing(StrEnum):
    """Where the stream of an event stands."""

    IDLE = "IDLE"
    LIVE = "LIVE"
    ENDED = "ENDED"


class EventStreamDraft(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A stream to be. RTMP without `sourceUrl` is our own ingest: it goes live when an encoder publishes."""

    source_type: Source
    source_url: SourceUrl | None = None
    status: Airing = Airing.IDLE
    title: Title | None = None


class EventStreamPatch(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A change: what is left out stays."""

    source_url: SourceUrl | UnsetType = UNSET
    status: Airing | UnsetType = UNSET
    title: Title | UnsetType = UNSET


class EventStreamView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A stream of an event; `room` is its chat, `ingest` what its encoder needs (shown to organisers alone)."""

    id: UUID
    event_id: UUID
    title: str
    thumbnail: str | None
    source_type: Source
    source_url: str | None
    youtube_video_id: str | None
    status: Airing
    is_live: bool
    viewer_count: int
    peak_viewers: int
    started_at: datetime | None
    ended_at: datetime | None
    room: str
    playback: playback.Playback
    ingest: StreamKey | None
    created_at: datetime


_SELECT = """
SELECT s.id, s.event_id, s.title, s.thumbnail, s.source_type, s.source_url, s.status, s.viewer_count, s.peak_viewers,
       s.started_at, s.ended_at, s.created_at, e.status, p.is_on_demand, r.hls, r.mp4, c.id, k.stream_key_version
FROM streams s JOIN channels c ON c.id = s.channel_id JOIN events e ON e.id = s.event_id
JOIN projects p ON p.id = e.project_id
LEFT JOIN channel_keys k ON k.id = c.id
LEFT JOIN recordings r ON r.stream_id = s.id AND r.status = 'READY' """

_STORED = {Airing.IDLE: "SCHEDULED", Airing.LIVE: "LIVE", Airing.ENDED: "ENDED"}
_SHOWN = {stored: shown for shown, stored in _STORED.items()}
_SCHEMES = {Source.RTMP: ("rtmp", "rtmps"), Source.HLS: ("https", "http")}


def streams_of_event(actor: Actor, event_key: str, limit: int, cursor: str | None) -> Page[EventStreamView]:
    """An event's streams, newest first, with their recordings where it is on demand; raises NotFound."""
    event = visible_event(actor, event_key)
    before = decode_cursor(cursor, tuple[UUID])[0] if cursor else UUID(int=2**128 - 1)
    rows = query(
        _SELECT + "WHERE s.event_id = %s AND s.id < %s ORDER BY s.id DESC LIMIT %s", (event.id, before, limit + 1)
    )
    return cut(rows, limit, lambda row: _view(row, actor), lambda row: (row[0],))


def active_stream(actor: Actor, event_key: str) -> EventStreamView | None:
    """The stream of an event that is on air, if one is; raises NotFound."""
    event = visible_event(actor, event_key)
    rows = query(_SELECT + "WHERE s.event_id = %s AND s.status = 'LIVE' LIMIT 1", (event.id,))
    return _view(rows[0], actor) if rows else None


def add_stream(actor: Actor, event_key: str, draft: EventStreamDraft) -> EventStreamView:
    """Add a stream to an event; raises Forbidden, NotFound, Invalid, Conflict where another is live."""
    must_organise(actor)
    event = visible_event(actor, event_key)
    url = _checked_url(draft.source_type, draft.source_url)
    if url is None and draft.status is not Airing.IDLE:
        raise Invalid.field("status", "is set by the encoder, which goes live by publishing", "encoder_decides")
    stream_id = new_id()
    with translating({"streams_one_live_key": _another_live}), atomic():
        LiveEvent.select(LiveEvent.id).where(LiveEvent.id == event.id).for_update().get()
        channel = channels.event_channel(event.id, event.title)
        Stream.create(
            id=stream_id,
            channel=channel.id,
            event=event.id,
            title=draft.title or event.title,
            source_type=draft.source_type.value,
            source_url=url,
            visibility="UNLISTED",
            **_airing_columns(draft.status),
        )
        if draft.status is Airing.LIVE:
            _tell_of_start(channel, stream_id, draft.title or event.title)
    return _one(stream_id, actor)


def edit_stream(actor: Actor, event_key: str, stream_id: UUID, patch: EventStreamPatch) -> EventStreamView:
    """Change a stream of an event, put an external one on air, or end one; raises as `add_stream` does."""
    must_organise(actor)
    event = visible_event(actor, event_key)
    with translating({"streams_one_live_key": _another_live}), atomic():
        row = Stream.select().where(Stream.id == stream_id, Stream.event == event.id).for_update().first()
        if row is None:
            raise NotFound("No such stream.")
        columns = _changes(row, patch)
        if columns:
            Stream.update(**columns).where(Stream.id == row.id).execute()
        if isinstance(patch.status, Airing) and patch.status.value != _SHOWN[row.status]:
            _air(row, patch.status)
    return _one(stream_id, actor)


def rotate_key(actor: Actor, event_key: str) -> StreamKey:
    """Give an event a new stream key; whoever publishes with the old one is cut. Raises Forbidden, NotFound."""
    must_organise(actor)
    event = visible_event(actor, event_key)
    channel = Channel.get_or_none(Channel.event == event.id)
    if channel is None:
        raise NotFound("The event has no stream of its own yet.", "no_event_stream")
    return channels.rotate_key_of(channel.id)


def end_streams(event_id: UUID) -> None:
    """End what an event shows, in the caller's transaction; a running publish is cut."""
    rows = query(
        "SELECT id, channel_id, source_url IS NULL FROM streams WHERE event_id = %s AND status = 'LIVE'", (event_id,)
    )
    for stream_id, channel_id, is_published in rows:
        _end(stream_id, channel_id, is_published=is_published)


def _end(stream_id: UUID, channel_id: UUID | None, *, is_published: bool) -> None:
    broadcasts.end(stream_id, "finished")
    if is_published and channel_id is not None:
        publish(PublishCut(channel_id=channel_id, reason="finished"), INGEST)


def _checked_url(source: Source, url: str | None) -> str | None:
    if source is Source.YOUTUBE and url is not None:
        return f"https://www.youtube.com/watch?v={outside_urls.youtube_video_id(url)}"
    if url is None:
        if source is not Source.RTMP:
            raise Invalid.field("sourceUrl", "is required", "source_required")
        return None
    outside_urls.check_public_url(url, _SCHEMES[source])
    return url


def _changes(row: Stream, patch: EventStreamPatch) -> dict[str, Any]:
    columns: dict[str, Any] = {"title": patch.title} if isinstance(patch.title, str) else {}
    if isinstance(patch.source_url, str):
        if row.source_url is None:
            raise Invalid.field("sourceUrl", "has no meaning for a stream of our own ingest", "encoder_decides")
        columns["source_url"] = _checked_url(Source(row.source_type), patch.source_url)
    return columns


def _air(row: Stream, wanted: Airing) -> None:
    """Move a stream on: idle, live, ended, and never back."""
    if wanted is Airing.ENDED:
        _end(row.id, row.channel_id, is_published=row.status == "LIVE" and row.source_url is None)
    elif row.source_url is None:
        raise Invalid.field("status", "is set by the encoder, which goes live by publishing", "encoder_decides")
    elif row.status != _STORED[Airing.IDLE]:
        raise Conflict("This stream is or was on air already; add another one.", "already_aired")
    else:
        Stream.update(**_airing_columns(wanted)).where(Stream.id == row.id).execute()
        _tell_of_start(Channel.get_by_id(row.channel_id), row.id, row.title)


def _airing_columns(status: Airing) -> dict[str, Any]:
    at = clock.now()
    return {
        "status": _STORED[status],
        "started_at": None if status is Airing.IDLE else at,
        "ended_at": at if status is Airing.ENDED else None,
    }


def _tell_of_start(channel: Channel, stream_id: UUID, title: str) -> None:
    topics = event_topics(channel.event_id) if channel.event_id else []
    publish(StreamStarted(stream_id=stream_id, streamer=streamer_ref(channel.id), title=title), *topics)
    publish(StreamStatusChanged(stream_id=stream_id, status="LIVE"), room_topic(channel.room_id))


def _another_live() -> Conflict:
    return Conflict("Another stream of this event is on air.", "another_stream_live")


def _one(stream_id: UUID, actor: Actor) -> EventStreamView:
    return _view(query(_SELECT + "WHERE s.id = %s", (stream_id,))[0], actor)


def _view(row: tuple[Any, ...], actor: Actor) -> EventStreamView:
    id_, event_id, title, thumbnail, source, url, status, viewers, peak, started_at, ended_at, created_at = row[:12]
    stage, is_on_demand, hls, mp4, channel_id, key_version = row[12:]
    may_watch = stage != Stage.ENDED or is_on_demand or actor.is_admin
    is_ours = source == Source.RTMP and url is None
    playable = playback.of_stream(id_, status, hls, mp4) if is_ours else playback.Playback(hls=_hls(source, url))
    return EventStreamView(
        id=id_,
        event_id=event_id,
        title=title,
        thumbnail=thumbnail,
        source_type=Source(source),
        source_url=url if may_watch else None,
        youtube_video_id=outside_urls.youtube_video_id(url) if may_watch and source == Source.YOUTUBE else None,
        status=_SHOWN[status],
        is_live=status == "LIVE",
        viewer_count=viewers,
        peak_viewers=peak,
        started_at=started_at,
        ended_at=ended_at,
        room=f"stream:{id_}",
        playback=playable if may_watch else playback.NOTHING,
        ingest=channels.shown_key(channel_id, key_version) if actor.is_admin and is_ours else None,
        created_at=created_at,
    )


def _hls(source: str, url: str | None) -> str | None:
    return url if source == Source.HLS else None
