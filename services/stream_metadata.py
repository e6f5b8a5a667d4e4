"""What a streamer says about a stream: before it, while it is on air, and as a standing default."""

from datetime import datetime
from functools import partial
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from db.models.channels import Channel
from db.models.streams import Stream
from db.transactions import after_commit, atomic
from services import broadcasts, categories, jobs, open_streams, outside_urls, stream_pictures, streams
from services.actors import Actor
from services.broadcast_audience import streamer_ref
from services.channels import own_channel
from services.errors import Conflict, Forbidden, Invalid, NotFound
from services.events import PublishCut, StreamUpdated, publish
from services.ids import new_id
from services.schedules import Moment, check_to_come
from services.streams import Status, StreamView
from services.topics import INGEST, room_topic
from services.uploads import ReceivedFile

Title = Annotated[str, msgspec.Meta(min_length=1, max_length=140)]
Description = Annotated[str, msgspec.Meta(max_length=5000)]
Tag = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
Tags = Annotated[list[Tag], msgspec.Meta(max_length=10)]
Language = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})?$", max_length=12)]
Visibility = Annotated[str, msgspec.Meta(pattern="^(PUBLIC|SUBSCRIBERS|UNLISTED)$", max_length=11)]
#: The id of a category, or its slug.
CategoryKey = Annotated[str, msgspec.Meta(max_length=80)]
Link = Annotated[str, msgspec.Meta(pattern=r"^https?://\S+$", max_length=2000)]


class StreamDraft(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A stream to be: its title, and whatever else is known."""

    title: Title
    description: Description = ""
    category_id: CategoryKey | None = None
    game_id: CategoryKey | None = None
    tags: Tags = []
    thumbnail: Link | None = None
    language: Language = "en"
    visibility: Visibility = "PUBLIC"
    scheduled_for: Moment | None = None


class StreamPatch(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A change: what is left out stays."""

    title: Title | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    category_id: CategoryKey | UnsetType | None = UNSET
    game_id: CategoryKey | UnsetType | None = UNSET
    tags: Tags | UnsetType = UNSET
    thumbnail: Link | UnsetType | None = UNSET
    language: Language | UnsetType = UNSET
    visibility: Visibility | UnsetType = UNSET
    scheduled_for: Moment | UnsetType | None = UNSET


def create_stream(actor: Actor, draft: StreamDraft, picture: ReceivedFile | None = None) -> StreamView:
    """Keep a stream to be; the next publish with the channel's key makes the newest one live.

    Raises Invalid for a category that is none, a picture's address that leads nowhere public, or a time in the past;
    where a picture is handed in, what `keep_picture` raises.
    """
    if picture is not None and draft.thumbnail is not None:
        raise Invalid.field("thumbnail", "is a file or an address, and not both")
    if draft.scheduled_for is not None:
        check_to_come("scheduledFor", draft.scheduled_for)
    columns = _columns(msgspec.to_builtins(draft, builtin_types=(datetime,)))
    channel = own_channel(actor)
    stream_id = new_id()
    if picture is not None:
        columns["thumbnail"] = stream_pictures.keep_picture(actor, stream_id, picture)
    Stream.create(id=stream_id, channel=channel.id, status=Status.SCHEDULED.value, **columns)
    return streams.stream(stream_id, actor)


def edit_stream(actor: Actor, stream_id: UUID, patch: StreamPatch) -> StreamView:
    """Change a stream of the actor's; those who watch are told. Raises NotFound, Forbidden or Invalid.

    A time that has passed by now may stay as it is; no other may be set.
    """
    columns = _columns(msgspec.to_builtins(patch, builtin_types=(datetime,)))
    with atomic():
        row, channel = owned_stream(actor, stream_id)
        wanted = columns.get("scheduled_for")
        if wanted is not None and wanted != row.scheduled_for:
            check_to_come("scheduledFor", wanted)
        if columns:
            Stream.update(**columns).where(Stream.id == row.id).execute()
        if "thumbnail" in columns and stream_pictures.is_kept(row.thumbnail) and columns["thumbnail"] != row.thumbnail:
            after_commit(partial(stream_pictures.forget_picture, stream_id))
        if "visibility" in columns:
            after_commit(partial(open_streams.settle, stream_id))
            jobs.enqueue(jobs.SETTLE_OPEN_STREAM, stream_id=stream_id)
        view = streams.stream(stream_id, actor)
        if row.status == Status.LIVE.value:
            event = StreamUpdated(stream_id=row.id, streamer=streamer_ref(channel.id), title=view.title)
            publish(event, room_topic(channel.room_id))
    return view


def current_stream(actor: Actor) -> StreamView:
    """The actor's stream on air, or else the newest one to be; raises NotFound."""
    return streams.stream(_current(own_channel(actor)).id, actor)


def replace_current(actor: Actor, draft: StreamDraft) -> StreamView:
    """Set what the actor's stream says; without a current one this makes the next."""
    channel = own_channel(actor)
    try:
        current = _current(channel)
    except NotFound:
        return create_stream(actor, draft)
    return edit_stream(actor, current.id, msgspec.convert(msgspec.to_builtins(draft), StreamPatch))


def end_stream(actor: Actor, stream_id: UUID) -> StreamView:
    """End a stream on air, or drop one to be; raises Conflict for one that has ended."""
    with atomic():
        row, channel = owned_stream(actor, stream_id)
        if row.status == Status.ENDED.value:
            raise Conflict("This stream has ended already.", "already_ended")
        broadcasts.end(stream_id, "finished")
        publish(PublishCut(channel_id=channel.id, reason="finished"), INGEST)
    return streams.stream(stream_id, actor)


def owned_stream(actor: Actor, stream_id: UUID) -> tuple[Stream, Channel]:
    """A stream of the actor's own channel (an admin's: any), locked; raises NotFound or Forbidden."""
    row = Stream.select().where(Stream.id == stream_id).for_update().first()
    channel = Channel.get_or_none(Channel.id == row.channel_id) if row else None
    if row is None or channel is None:
        raise NotFound("No such stream.")
    if not actor.is_admin and channel.user_id != actor.user_id:
        raise Forbidden("This is somebody else's stream.", "not_owner")
    return row, channel


def _current(channel: Channel) -> Stream:
    wanted = (Status.LIVE.value, Status.SCHEDULED.value)
    row = (
        Stream.select(Stream.id)
        .where(Stream.channel == channel.id, Stream.status.in_(wanted))
        .order_by((Stream.status == Status.LIVE.value).desc(), Stream.id.desc())
        .first()
    )
    if row is None:
        raise NotFound("There is no current stream.")
    return row


def _columns(given: dict[str, Any]) -> dict[str, Any]:
    outside_urls.check_picture(given, "thumbnail")
    columns = {name: given[key] for key, name in _NAMES.items() if key in given}
    category = given.get("categoryId", given.get("gameId"))
    if given.get("categoryId") is None:
        category = given.get("gameId")
    if "categoryId" in given or "gameId" in given:
        columns["category"] = _category_id(category)
    if "tags" in columns:
        columns["tags"] = list(dict.fromkeys(tag.lower() for tag in columns["tags"]))
    return columns


_NAMES = {
    "title": "title",
    "description": "description",
    "tags": "tags",
    "thumbnail": "thumbnail",
    "language": "language",
    "visibility": "visibility",
    "scheduledFor": "scheduled_for",
}


def _category_id(wanted: str | None) -> UUID | None:
    if wanted is None:
        return None
    found = categories.find_category(wanted)
    if found is None:
        raise Invalid.field("categoryId", "names no category")
    return found.id
