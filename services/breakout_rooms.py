"""Breakout rooms: named places inside an event, one of which may be the main stage."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
import redis
import structlog
from msgspec import UNSET, UnsetType

from db.connection import query
from db.models.breakout_rooms import BreakoutRoom
from db.transactions import atomic
from services import outside_urls, presence, rooms
from services.actors import Actor
from services.errors import NotFound
from services.event_sessions import Speaker, check_event
from services.events import UserRef
from services.ids import new_id
from services.live_events import Title, visible_event
from services.organisers import must_organise
from services.pages import Page, cut, decode_cursor
from services.projects import Picture

log = structlog.get_logger(__name__)

Topic = Annotated[str, msgspec.Meta(max_length=1000)]

PEOPLE_SHOWN = 50


class RoomDraft(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A room to be; a new main stage takes the place of the old one."""

    event_id: UUID
    name: Title
    speaker: Speaker = ""
    topic: Topic = ""
    thumbnail: Picture | None = None
    is_main_stage: bool = False


class RoomPatch(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A change: what is left out stays."""

    name: Title | UnsetType = UNSET
    speaker: Speaker | UnsetType = UNSET
    topic: Topic | UnsetType = UNSET
    thumbnail: Picture | UnsetType | None = UNSET
    is_main_stage: bool | UnsetType = UNSET


class RoomView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A breakout room; `room` is the name under which its chat is joined.

    `peopleCount` counts everybody inside at this moment, `people` shows up to PEOPLE_SHOWN of them.
    """

    id: UUID
    event_id: UUID
    name: str
    speaker: str
    topic: str
    thumbnail: str | None
    is_main_stage: bool
    room: str
    people_count: int
    people: list[UserRef]
    created_at: datetime
    updated_at: datetime


_SELECT = """
SELECT b.id, b.event_id, b.name, b.speaker, b.topic, b.thumbnail, b.is_main_stage, b.room_id,
       b.created_at, b.updated_at
FROM breakout_rooms b """
_PAGE = """
WHERE b.event_id = %s AND (NOT b.is_main_stage, b.id) > (%s, %s)
ORDER BY b.is_main_stage DESC, b.id LIMIT %s"""


def rooms_of(actor: Actor, event_key: str, limit: int, cursor: str | None) -> Page[RoomView]:
    """The breakout rooms of an event and who is inside, the main stage first; raises NotFound."""
    event = visible_event(actor, event_key)
    after, after_id = decode_cursor(cursor, tuple[bool, UUID]) if cursor else (False, UUID(int=0))
    rows = query(_SELECT + _PAGE, (event.id, after, after_id, limit + 1))
    shown = dict(zip([row[0] for row in rows], _views(rows), strict=True))
    return cut(rows, limit, lambda row: shown[row[0]], lambda row: (not row[6], row[0]))


def create_breakout_room(actor: Actor, draft: RoomDraft) -> RoomView:
    """Add a room with a chat of its own to an event; raises Forbidden, Invalid."""
    must_organise(actor)
    check_event(draft.event_id)
    outside_urls.check_picture({"thumbnail": draft.thumbnail}, "thumbnail")
    with atomic():
        room_id = add_breakout_room(draft)
    return _one(room_id)


def add_breakout_room(draft: RoomDraft) -> UUID:
    """Store a room, in the caller's transaction."""
    columns = msgspec.structs.asdict(draft)
    event_id = columns.pop("event_id")
    if draft.is_main_stage:
        _clear_main_stage(event_id)
    row = BreakoutRoom.create(id=new_id(), event=event_id, room_id=rooms.create_room("BREAKOUT", None), **columns)
    return UUID(str(row.id))


def edit_breakout_room(actor: Actor, room_id: UUID, patch: RoomPatch) -> RoomView:
    """Change a room; raises Forbidden, Invalid, NotFound."""
    must_organise(actor)
    columns = {name: value for name, value in msgspec.structs.asdict(patch).items() if value is not UNSET}
    outside_urls.check_picture(columns, "thumbnail")
    with atomic():
        row = _found(room_id)
        if patch.is_main_stage is True:
            _clear_main_stage(row.event_id)
        if columns:
            BreakoutRoom.update(**columns).where(BreakoutRoom.id == room_id).execute()
    return _one(room_id)


def delete_breakout_room(actor: Actor, room_id: UUID) -> None:
    """Remove a room and its chat; raises Forbidden, NotFound."""
    must_organise(actor)
    with atomic():
        row = _found(room_id)
        BreakoutRoom.delete().where(BreakoutRoom.id == room_id).execute()
        rooms.remove_rooms([row.room_id])


def _clear_main_stage(event_id: UUID) -> None:
    """Make room for another main stage; two organisers who choose one at once take turns."""
    query("SELECT 1 FROM events WHERE id = %s FOR NO KEY UPDATE", (event_id,))
    BreakoutRoom.update(is_main_stage=False).where(BreakoutRoom.event == event_id, BreakoutRoom.is_main_stage).execute()


def _found(room_id: UUID) -> BreakoutRoom:
    row = BreakoutRoom.get_or_none(BreakoutRoom.id == room_id)
    if row is None:
        raise NotFound("No such room.")
    return row


def _one(room_id: UUID) -> RoomView:
    return _views(query(_SELECT + "WHERE b.id = %s", (room_id,)))[0]


def _views(rows: list[tuple[Any, ...]]) -> list[RoomView]:
    inside = _viewers([row[7] for row in rows])
    people = _people({viewer for viewers in inside.values() for viewer in viewers[:PEOPLE_SHOWN]})
    return [_view(row, inside.get(row[7], []), people) for row in rows]


def _view(row: tuple[Any, ...], viewers: list[UUID], people: dict[UUID, UserRef]) -> RoomView:
    id_, event_id, name, speaker, topic, thumbnail, is_main_stage, _, created_at, updated_at = row
    return RoomView(
        id=id_,
        event_id=event_id,
        name=name,
        speaker=speaker,
        topic=topic,
        thumbnail=thumbnail,
        is_main_stage=is_main_stage,
        room=f"breakout:{id_}",
        people_count=len(viewers),
        people=[people[viewer] for viewer in viewers[:PEOPLE_SHOWN] if viewer in people],
        created_at=created_at,
        updated_at=updated_at,
    )


def _viewers(room_ids: list[UUID]) -> dict[UUID, list[UUID]]:
    """Who is in each room; nobody where Redis is away, for the rooms themselves are known."""
    try:
        return presence.viewers_in(room_ids)
    except redis.RedisError as error:
        log.warning("people_inside_unknown", error=str(error))
        return {}


def _people(user_ids: set[UUID]) -> dict[UUID, UserRef]:
    if not user_ids:
        return {}
    rows = query("SELECT id, username, name, avatar FROM users WHERE id = ANY (%s::uuid[])", (list(user_ids),))
    return {row[0]: UserRef(*row) for row in rows}
