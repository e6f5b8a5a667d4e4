"""Every event that sockets hear, typed; published after the commit that made it true."""

from datetime import datetime
from uuid import UUID

import msgspec

from db.transactions import emit
from services.outbox import OutboxEffect, outbox


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", rename="camel"):
    """Something that happened; on the wire its `type` is its name."""


class StreamerRef(msgspec.Struct, frozen=True, rename="camel"):
    """A streamer as events name them."""

    username: str
    avatar: str | None


class UserRef(msgspec.Struct, frozen=True, rename="camel"):
    """A person as events name them."""

    id: UUID
    username: str
    name: str
    avatar: str | None


class GiftRef(msgspec.Struct, frozen=True, rename="camel"):
    """A gift as events name it."""

    id: UUID
    name: str
    cost: int
    icon: str | None


class StreamStarted(Event, frozen=True, kw_only=True, tag="stream_started"):
    stream_id: UUID
    streamer: StreamerRef
    title: str


class StreamEnded(Event, frozen=True, kw_only=True, tag="stream_ended"):
    stream_id: UUID
    streamer: StreamerRef
    title: str


class StreamUpdated(Event, frozen=True, kw_only=True, tag="stream_updated"):
    stream_id: UUID
    streamer: StreamerRef
    title: str


class StreamStatusChanged(Event, frozen=True, kw_only=True, tag="stream_status"):
    stream_id: UUID
    status: str


class GiftReceived(Event, frozen=True, kw_only=True, tag="gift_received"):
    user: UserRef
    gift: GiftRef
    quantity: int
    message: str
    points: int
    level: int


class NewSubscriber(Event, frozen=True, kw_only=True, tag="new_subscriber"):
    """Somebody began to subscribe; `stream_id` is the broadcast on air, if there is one."""

    stream_id: UUID | None
    user: UserRef
    tier: str


class MessagePinned(Event, frozen=True, kw_only=True, tag="message_pinned"):
    message_id: UUID
    is_pinned: bool


class MessageDeleted(Event, frozen=True, kw_only=True, tag="message_deleted"):
    message_id: UUID


class MessageEdited(Event, frozen=True, kw_only=True, tag="message_edited"):
    message_id: UUID
    author_id: UUID
    text: str
    edited_at: datetime


class MessagesDeleted(Event, frozen=True, kw_only=True, tag="messages_deleted"):
    """Everything that this person said in the room was taken away."""

    user_id: UUID


class UserBanned(Event, frozen=True, kw_only=True, tag="user_banned"):
    """Somebody may not write any more, in the room or (`everywhere`) on the platform; `until` None is for good.

    Rooms hear of their own bans. Of one everywhere the processes hear, and tell the person's sockets.
    """

    user_id: UUID
    user: UserRef
    until: datetime | None
    everywhere: bool = False


class UserUnbanned(Event, frozen=True, kw_only=True, tag="user_unbanned"):
    """Somebody may write again; heard as `user_banned` is."""

    user_id: UUID
    user: UserRef
    everywhere: bool = False


class Reacted(Event, frozen=True, kw_only=True, tag="reacted"):
    """Realtime: so many reactions of each kind came in one process; rooms are told sums of them."""

    counts: dict[str, int]


class Reactions(Event, frozen=True, kw_only=True, tag="reactions"):
    """How many reacted in the last half second, by kind."""

    counts: dict[str, int]


class RoomClosed(Event, frozen=True, kw_only=True, tag="room_closed"):
    """This socket is no longer in the room: it may not be there any more."""

    room: str


class EventStatusChanged(Event, frozen=True, kw_only=True, tag="event_status"):
    """An organised event went live, or ended."""

    event_id: UUID
    slug: str
    title: str
    status: str


class BoardChanged(Event, frozen=True, kw_only=True, tag="board_changed"):
    """Realtime: a session's questions (or, with `poll_id`, a poll) are not as the room was told."""

    session_id: UUID
    poll_id: UUID | None = None


class Typing(Event, frozen=True, kw_only=True, tag="typing"):
    """Somebody is writing in the room; passed on, never stored."""

    user: UserRef


class Notified(Event, frozen=True, kw_only=True, tag="notification"):
    id: UUID
    kind: str
    title: str
    body: str
    data: dict[str, object]
    read_at: datetime | None
    created_at: datetime


class SessionRevoked(Event, frozen=True, kw_only=True, tag="session_revoked"):
    """Control: the sockets that this sign-in opened may no longer send."""

    session_id: UUID


class UserChanged(Event, frozen=True, kw_only=True, tag="user_changed"):
    """Control: what processes remember of this person is stale."""

    user_id: UUID


class ChatSettingsChanged(Event, frozen=True, kw_only=True, tag="chat_settings"):
    room_id: UUID
    settings: dict[str, object]


class RoomAccessChanged(Event, frozen=True, kw_only=True, tag="room_access"):
    """Control: who may be in this room has changed; those who may not any more are to leave it."""

    room_id: UUID


class PublishCut(Event, frozen=True, kw_only=True, tag="cut"):
    """Ingest: whoever publishes to this channel must stop."""

    channel_id: UUID
    reason: str


def publish(event: Event, *topics: str) -> None:
    """Tell everyone who listens on `topics`, once the transaction commits."""
    payload = {"topics": list(topics), "body": msgspec.to_builtins(event)}
    emit(OutboxEffect(kind="event", name=str(event.__struct_config__.tag), payload=payload), outbox)
