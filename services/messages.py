"""What was said: reading a room's messages, and the marks that may change on them afterwards."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from db.connection import acting_as_system, query
from db.models.messages import Message as MessageRow
from db.transactions import atomic
from services.actors import Actor
from services.entitlements import tier_of
from services.errors import Forbidden, NotFound
from services.events import MessageDeleted, MessagePinned, publish
from services.ids import known_id
from services.moderation_log import Action, record
from services.pages import Page, cut, decode_cursor
from services.rooms import ChatSettings, RoomRef, read_settings, room_name
from services.standing import badges, standing
from services.topics import room_topic

OPENING_MESSAGES = 50
MISSED_LIMIT = 500
PINNED_SHOWN = 10


class Author(msgspec.Struct, frozen=True, rename="camel"):
    """Who wrote a message."""

    id: UUID
    username: str
    name: str
    avatar: str | None
    badges: list[str]


class Message(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A stored message; `author` is None once the account is gone, `text` empty once it is deleted.

    `room` is the name by which the reader knows the room; left out where each reader's differs.
    `is_hidden`: the reader blocks the author, and so `text` is empty.
    """

    id: UUID
    room: str | UnsetType = UNSET
    seq: int
    text: str
    author: Author | None
    is_pinned: bool = False
    is_deleted: bool = False
    reply_to: UUID | None = None
    created_at: datetime
    edited_at: datetime | None = None
    is_hidden: bool | UnsetType = UNSET


class SendingKey(msgspec.Struct, frozen=True):
    """What makes a sending the same as an earlier one: the client's own id, within room and author."""

    room_id: UUID
    author_id: UUID
    client_message_id: str


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody who joins a room is shown; everything up to `last_seq` is in it or older."""

    last_seq: int
    settings: ChatSettings
    pinned: list[Message]
    messages: list[Message]
    recovered: bool
    truncated: bool


_SELECT = f"""
SELECT m.id, m.seq, CASE WHEN m.is_deleted THEN '' ELSE m.text END, m.is_pinned, m.is_deleted,
       m.reply_to_id, m.created_at, m.edited_at, u.id, u.username, u.name, u.avatar, u.role,
       coalesce(r.owner_id = u.id, false), k.user_id IS NOT NULL, {tier_of("m.author_id", "r.owner_id")}
FROM messages m
JOIN rooms r ON r.id = m.room_id
LEFT JOIN users u ON u.id = m.author_id
LEFT JOIN room_moderators k ON k.room_id = m.room_id AND k.user_id = m.author_id
"""  # noqa: S608 - built from constants
_BEFORE = _SELECT + "WHERE m.room_id = %s AND m.seq < %s ORDER BY m.seq DESC LIMIT %s"
_AFTER = _SELECT + "WHERE m.room_id = %s AND m.seq > %s AND m.seq < %s ORDER BY m.seq DESC LIMIT %s"
_PINNED = _SELECT + "WHERE m.room_id = %s AND m.is_pinned AND NOT m.is_deleted ORDER BY m.seq DESC LIMIT %s"

END = 2**62  # beyond any seq


def history(room: RoomRef, limit: int, cursor: str | None) -> Page[Message]:
    """A page of what was said, newest first; raises Invalid for an unreadable cursor."""
    before = END if cursor is None else decode_cursor(cursor, tuple[int])[0]
    return cut(_newest(room, limit + 1, before), limit, lambda message: message, lambda message: (message.seq,))


def missed(room: RoomRef, *, after: int, before: int = END, limit: int = MISSED_LIMIT) -> list[Message]:
    """Messages between two seqs (both exclusive), oldest first; the newest `limit` of them."""
    return _messages(_AFTER, (room.id, after, before, limit), room.alias)[::-1]


def opening(room: RoomRef, since: str | int | None = None) -> Opening:
    """What a person who joins is shown: the newest messages, or all since the last one seen.

    `since` is the id or seq of a message. An unknown one, one that the room has not come to, more than
    MISSED_LIMIT missed messages, or some that are kept no longer make the opening `truncated`. Raises NotFound.
    """
    last_seq, settings = _state(room.id)  # read first: what is committed after this is in `messages` or live
    seen = None if since is None else _seq_of(room.id, since)
    if seen is None or seen > last_seq:
        messages, truncated = _newest(room, OPENING_MESSAGES)[::-1], since is not None
    else:
        messages = missed(room, after=seen)
        truncated = len(messages) < _newest_seq(last_seq, messages) - seen
    return Opening(
        last_seq=_newest_seq(last_seq, messages),
        settings=settings,
        pinned=_messages(_PINNED, (room.id, PINNED_SHOWN), room.alias),
        messages=messages,
        recovered=since is not None and not truncated,
        truncated=truncated,
    )


def _newest_seq(last_seq: int, messages: list[Message]) -> int:
    return max([last_seq, *(message.seq for message in messages[-1:])])


def last_seqs(room_ids: list[UUID]) -> dict[UUID, int]:
    """The seq of the newest message that was committed, by room."""
    return dict(query("SELECT id, last_seq FROM rooms WHERE id = ANY (%s::uuid[])", (room_ids,)))


_SENDINGS = """
SELECT m.id, m.room_id, m.author_id, m.client_message_id
FROM unnest(%s::uuid[], %s::uuid[], %s::text[]) AS asked (room_id, author_id, client_message_id)
JOIN messages m USING (room_id, author_id, client_message_id)"""


def sent_before(keys: Collection[SendingKey]) -> dict[SendingKey, Message]:
    """The messages that earlier sendings stored, by their keys; others are left out."""
    columns = zip(*((key.room_id, key.author_id, key.client_message_id) for key in keys), strict=True)
    known = {row[0]: SendingKey(*row[1:]) for row in query(_SENDINGS, [list(column) for column in columns])}
    stored = _messages(_SELECT + "WHERE m.id = ANY (%s::uuid[])", (list(known),), UNSET)
    return {known[message.id]: message for message in stored}


def toggle_pin(actor: Actor, message_id: str) -> Message:
    """Pin or unpin a message of a room that the actor moderates; raises NotFound, Forbidden.

    A deleted message is nothing that could be shown.
    """
    with atomic():
        row = _moderated(actor, message_id)
        if row.is_deleted:
            raise NotFound("No such message.")
        changed = not row.is_pinned
        _change(row, is_pinned=changed)
        publish(MessagePinned(message_id=row.id, is_pinned=changed), room_topic(row.room_id))
        _record(actor, Action.PIN if changed else Action.UNPIN, row)
        return one_message(row.id, row.room_id)


def delete_message(actor: Actor, message_id: str) -> Message:
    """Take a message's words away, as a moderator of the room or its author; raises NotFound, Forbidden.

    The row stays, so that the numbering has no hole. Deleting twice changes nothing.
    """
    with atomic():
        row = _moderated(actor, message_id, or_author=True)
        if not row.is_deleted:
            _change(row, is_deleted=True, is_pinned=False)
            publish(MessageDeleted(message_id=row.id), room_topic(row.room_id))
            if row.author_id != actor.user_id:
                _record(actor, Action.DELETE_MESSAGE, row)
        return one_message(row.id, row.room_id)


def one_message(message_id: UUID, room_id: UUID) -> Message:
    """A message that is known to exist."""
    return _messages(_SELECT + "WHERE m.id = %s", (message_id,), room_name(room_id))[0]


def wire_event(message: Message) -> bytes:
    """The `new_message` event of a message, as sockets hear it."""
    return b'{"type":"new_message",' + msgspec.json.encode(message)[1:]


def _newest(room: RoomRef, limit: int, before: int = END) -> list[Message]:
    return _messages(_BEFORE, (room.id, before, limit), room.alias)


def _record(actor: Actor, action: Action, row: MessageRow) -> None:
    record(actor, action, room_id=row.room_id, user_id=row.author_id, target_id=row.id)


@acting_as_system("to change what another said")
def _change(row: MessageRow, **marks: bool) -> None:
    MessageRow.update(**marks).where(MessageRow.id == row.id).execute()


@acting_as_system("to change what another said")
def _held(message_id: UUID) -> MessageRow | None:
    return MessageRow.select().where(MessageRow.id == message_id).for_update().first()


def _moderated(actor: Actor, message_id: str, *, or_author: bool = False) -> MessageRow:
    row = _held(known_id(message_id, "message"))
    if row is None:
        raise NotFound("No such message.")
    if not (or_author and row.author_id == actor.user_id) and not standing(actor, row.room_id).keeps_order:
        raise Forbidden("Only moderators of this chat may do that.")
    return row


def _state(room_id: UUID) -> tuple[int, ChatSettings]:
    rows = query("SELECT last_seq, settings::text FROM rooms WHERE id = %s", (room_id,))
    if not rows:
        raise NotFound("No such room.", "room_not_found")
    return rows[0][0], read_settings(rows[0][1])


def _seq_of(room_id: UUID, since: str | int) -> int | None:
    text = str(since)
    if text.isdecimal():
        return min(int(text), END)
    try:
        message_id = UUID(text)
    except ValueError:
        return None
    rows = query("SELECT seq FROM messages WHERE id = %s AND room_id = %s", (message_id, room_id))
    return rows[0][0] if rows else None


def _messages(sql: str, parameters: tuple[Any, ...], room: str | UnsetType) -> list[Message]:
    return [_message(row, room) for row in query(sql, parameters, prepared=True)]


def _message(row: tuple[Any, ...], room: str | UnsetType) -> Message:
    message_id, seq, text, pinned, deleted, reply_to, created_at, edited_at, *author = row
    return Message(
        id=message_id,
        room=room,
        seq=seq,
        text=text,
        author=_author(*author),
        is_pinned=pinned,
        is_deleted=deleted,
        reply_to=reply_to,
        created_at=created_at,
        edited_at=edited_at,
    )


def _author(
    user_id: UUID | None,
    username: str,
    name: str,
    avatar: str | None,
    role: str,
    is_owner: bool,
    moderates: bool,
    tier: str | None,
) -> Author | None:
    if user_id is None:
        return None
    shown = badges(role=role, is_owner=is_owner, is_room_moderator=moderates, tier=tier)
    return Author(user_id, username, name, avatar, shown)
