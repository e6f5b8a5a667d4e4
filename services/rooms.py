"""Where people hear each other: finding a room by its name on the wire, and its settings."""

from collections.abc import Collection
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from db.connection import query
from db.models.rooms import Room
from db.transactions import atomic
from services.actors import Actor
from services.errors import Forbidden, NotFound
from services.events import ChatSettingsChanged, RoomAccessChanged, publish
from services.ids import known_id, new_id
from services.moderation_log import Action, record
from services.standing import standing
from services.topics import CONTROL, room_topic


class RoomRef(msgspec.Struct, frozen=True):
    """A room, and the name by which somebody asked for it."""

    id: UUID
    alias: str


class RaidProtection(StrEnum):
    """Who may still write while strangers flood a room."""

    OFF = "OFF"
    FOLLOWERS = "FOLLOWERS"
    ACCOUNT_AGE = "ACCOUNT_AGE"


class ChatSettings(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a room asks of those who write in it; the database holds what differs from this.

    Under `raid_protection` only those may write who have followed, or have had their account, for
    `raid_protection_minutes`.
    """

    slow_mode_seconds: Annotated[int, msgspec.Meta(ge=0, le=300)] = 0
    followers_only: bool = False
    followers_only_minutes: Annotated[int, msgspec.Meta(ge=0, le=129600)] = 0
    subscribers_only: bool = False
    emote_only: bool = False
    links_allowed: bool = True
    raid_protection: RaidProtection = RaidProtection.OFF
    raid_protection_minutes: Annotated[int, msgspec.Meta(ge=0, le=129600)] = 10
    blocked_words: Annotated[
        list[Annotated[str, msgspec.Meta(min_length=1, max_length=60)]], msgspec.Meta(max_length=200)
    ] = []


class ChatSettingsPatch(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A change of settings: what is left out stays."""

    slow_mode_seconds: Annotated[int, msgspec.Meta(ge=0, le=300)] | UnsetType = UNSET
    followers_only: bool | UnsetType = UNSET
    followers_only_minutes: Annotated[int, msgspec.Meta(ge=0, le=129600)] | UnsetType = UNSET
    subscribers_only: bool | UnsetType = UNSET
    emote_only: bool | UnsetType = UNSET
    links_allowed: bool | UnsetType = UNSET
    raid_protection: RaidProtection | UnsetType = UNSET
    raid_protection_minutes: Annotated[int, msgspec.Meta(ge=0, le=129600)] | UnsetType = UNSET
    blocked_words: (
        Annotated[list[Annotated[str, msgspec.Meta(min_length=1, max_length=60)]], msgspec.Meta(max_length=200)]
        | UnsetType
    ) = UNSET


_OF_STREAM = """SELECT c.room_id, %(name)s FROM streams s JOIN channels c ON c.id = s.channel_id
                LEFT JOIN events e ON e.id = c.event_id
                WHERE s.id = %(key)s AND (e.status IS DISTINCT FROM 'DRAFT' OR %(sees_drafts)s)"""
_OF_CHANNEL = """SELECT c.room_id, %(name)s FROM channels c LEFT JOIN events e ON e.id = c.event_id
                 WHERE c.id = %(key)s AND (e.status IS DISTINCT FROM 'DRAFT' OR %(sees_drafts)s)"""
_OF_SESSION = """SELECT s.room_id, %(name)s FROM event_sessions s JOIN events e ON e.id = s.event_id
                 WHERE s.id = %(key)s AND (e.status <> 'DRAFT' OR %(sees_drafts)s)"""
_OF_BREAKOUT = """SELECT b.room_id, %(name)s FROM breakout_rooms b JOIN events e ON e.id = b.event_id
                  WHERE b.id = %(key)s AND (e.status <> 'DRAFT' OR %(sees_drafts)s)"""
_OF_LOUNGE = """SELECT l.room_id, %(name)s FROM lounges l
                WHERE l.id = %(key)s AND may_enter(l.room_id, %(person)s::uuid)"""
_OF_STREAMER = """
SELECT c.room_id, coalesce('stream:' || s.id, 'channel:' || c.id)
FROM users u JOIN channels c ON c.user_id = u.id
LEFT JOIN LATERAL (
    SELECT id FROM streams WHERE channel_id = c.id AND status <> 'SCHEDULED' ORDER BY id DESC LIMIT 1
) s ON true
WHERE lower(u.username) = lower(%s)"""
_NAME = """
SELECT r.kind, c.id,
       (SELECT id FROM streams WHERE channel_id = c.id AND status <> 'SCHEDULED' ORDER BY id DESC LIMIT 1),
       coalesce((SELECT id FROM event_sessions WHERE room_id = r.id),
                (SELECT id FROM breakout_rooms WHERE room_id = r.id),
                (SELECT id FROM lounges WHERE room_id = r.id))
FROM rooms r LEFT JOIN channels c ON c.room_id = r.id WHERE r.id = %s"""

# A later kind of room adds a line here: what its name on the wire begins with, and how its key finds the room.
_FINDERS = {
    "stream": _OF_STREAM,
    "channel": _OF_CHANNEL,
    "session": _OF_SESSION,
    "breakout": _OF_BREAKOUT,
    "lounge": _OF_LOUNGE,
}


def find_room(name: str, actor: Actor | None = None) -> RoomRef:
    """The room called `kind:id` on the wire; raises NotFound, also where the actor may not know of it."""
    kind, _, key = name.partition(":")
    room_key = _key(key) if kind in _FINDERS else None
    if room_key is None:
        raise NotFound("No such room.", "room_not_found")
    parameters = {
        "key": room_key,
        "name": f"{kind}:{room_key}",
        "sees_drafts": actor is not None and actor.is_admin,
        "person": actor.user_id if actor else None,
    }
    return _found(query(_FINDERS[kind], parameters, prepared=True))


def _key(text: str) -> UUID | None:
    try:
        return known_id(text, "room")
    except NotFound:
        return None


def outsiders(inside: Collection[tuple[UUID, UUID | None]]) -> set[tuple[UUID, UUID | None]]:
    """Those pairs of a room and a person (None: guests) in it of whom the person may not be there."""
    if not inside:
        return set()
    rooms, people = zip(*inside, strict=True)
    rows = query(
        """SELECT asked.room_id, asked.user_id FROM unnest(%s::uuid[], %s::uuid[]) AS asked (room_id, user_id)
           WHERE NOT may_enter(asked.room_id, asked.user_id)""",
        (list(rooms), list(people)),
    )
    return set(rows)


def room_of_streamer(nickname: str) -> RoomRef:
    """The chat of a streamer, under the name of the current or last stream; raises NotFound."""
    return _found(query(_OF_STREAMER, (nickname,)))


def room_name(room_id: UUID) -> str:
    """The name by which a room is best known on the wire; raises NotFound."""
    rows = query(_NAME, (room_id,))
    if not rows:
        raise NotFound("No such room.", "room_not_found")
    kind, channel_id, stream_id, of_event_id = rows[0]
    if channel_id is None:
        return f"{kind.lower()}:{of_event_id or room_id}"
    return f"stream:{stream_id}" if stream_id else f"channel:{channel_id}"


def create_room(kind: str, owner_id: UUID | None) -> UUID:
    """Open a room of a kind that the database knows (`CHANNEL`, `SESSION`, `LOUNGE`, `BREAKOUT`)."""
    room = Room.create(id=new_id(), kind=kind, owner=owner_id)
    return UUID(str(room.id))


def remove_rooms(room_ids: Collection[UUID]) -> None:
    """Delete rooms with all that was said there; whoever is in one leaves it."""
    if room_ids:
        Room.delete().where(Room.id.in_(list(room_ids))).execute()
        tell_of_access(room_ids)


def tell_of_access(room_ids: Collection[UUID]) -> None:
    """Tell the processes that other people than before may be in these rooms."""
    for room_id in room_ids:
        publish(RoomAccessChanged(room_id=room_id), CONTROL)


@lru_cache(maxsize=4096)
def read_settings(stored: str) -> ChatSettings:
    """The settings in a room's column, selected as text: many ask for those of few rooms."""
    return msgspec.json.decode(stored, type=ChatSettings)


def settings_for_all(settings: ChatSettings) -> dict[str, object]:
    """What everybody in a room may know of its settings: not the blocked words, or they would be its noticeboard."""
    shown: dict[str, object] = msgspec.to_builtins(settings)
    del shown["blockedWords"]
    return shown


def settings_of(room_id: UUID) -> ChatSettings:
    """A room's settings; raises NotFound."""
    rows = query("SELECT settings::text FROM rooms WHERE id = %s", (room_id,))
    if not rows:
        raise NotFound("No such room.", "room_not_found")
    return read_settings(rows[0][0])


def change_settings(actor: Actor, room_id: UUID, patch: ChatSettingsPatch) -> ChatSettings:
    """Change a room's settings and tell everyone in it; raises Forbidden, NotFound."""
    if not standing(actor, room_id).keeps_order:
        raise Forbidden("Only moderators may change the settings of a chat.")
    with atomic():
        room = Room.select().where(Room.id == room_id).for_update().first()
        if room is None:
            raise NotFound("No such room.", "room_not_found")
        changed = msgspec.convert({**room.settings, **msgspec.to_builtins(patch)}, ChatSettings)
        Room.update(settings=msgspec.to_builtins(changed)).where(Room.id == room_id).execute()
        event = ChatSettingsChanged(room_id=room_id, settings=settings_for_all(changed))
        publish(event, CONTROL, room_topic(room_id))
        record(actor, Action.CHANGE_SETTINGS, room_id=room_id, details=_summary(patch))
    return changed


def tell_of_emotes(room_id: UUID) -> None:
    """Have the processes forget, after the commit, who may write with which emotes in a room that takes no words."""
    settings = settings_of(room_id)
    if settings.emote_only:
        publish(ChatSettingsChanged(room_id=room_id, settings=settings_for_all(settings)), CONTROL)


def _summary(patch: ChatSettingsPatch) -> dict[str, object]:
    """What was changed, for the log; of blocked words only how many there are now."""
    changes: dict[str, Any] = msgspec.to_builtins(patch)
    if "blockedWords" in changes:
        changes["blockedWords"] = len(changes["blockedWords"])
    return changes


def _found(rows: list[tuple[Any, ...]]) -> RoomRef:
    if not rows or rows[0][0] is None:
        raise NotFound("No such room.", "room_not_found")
    return RoomRef(*rows[0])
