"""Lounges: chat rooms that stand by themselves, public or by invitation, archived rather than deleted."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec
import redis
import structlog
from msgspec import UNSET, UnsetType

from db.connection import query
from db.models.lounges import Lounge as LoungeRow
from db.models.lounges import LoungeMember
from db.transactions import atomic
from services import clock, presence, throttle
from services.actors import Actor
from services.errors import Conflict, Forbidden, NotFound, RateLimited
from services.events import RoomAccessChanged, UserRef, publish
from services.hidden_people import as_read_by
from services.ids import known_id, new_id
from services.messages import Message, history
from services.moderation_log import Action, record
from services.pages import Page, cut, decode_cursor
from services.rooms import RoomRef, create_room
from services.topics import CONTROL

log = structlog.get_logger(__name__)

CREATED_LIMIT = "20/hour"
ONLINE_SHOWN = 100

LoungeName = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
Description = Annotated[str, msgspec.Meta(max_length=1000)]


class LoungeVisibility(StrEnum):
    """Who may find and enter a lounge: anybody, or those who were asked in."""

    PUBLIC = "PUBLIC"
    PRIVATE = "PRIVATE"


class LoungeDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A lounge to be opened."""

    name: LoungeName
    description: Description = ""
    visibility: LoungeVisibility = LoungeVisibility.PUBLIC


class LoungePatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change: what is left out stays."""

    name: LoungeName | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    visibility: LoungeVisibility | UnsetType = UNSET


class LoungeView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A lounge as it is listed; `room` is its name for sockets, `onlineCount` everybody in it, guests too."""

    id: UUID
    room: str
    name: str
    description: str
    visibility: LoungeVisibility
    owner: UserRef | None
    member_count: int
    online_count: int
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None


class LoungeDetails(LoungeView, frozen=True, kw_only=True, rename="camel"):
    """One lounge, with those of its people who are online, by name."""

    members_online: list[UserRef]


class LoungeRef(msgspec.Struct, frozen=True):
    """A lounge that somebody may know of, as the rules see it."""

    id: UUID
    room: RoomRef
    visibility: LoungeVisibility
    is_archived: bool
    owner_id: UUID | None


def lounges(actor: Actor, mine: bool, limit: int, cursor: str | None) -> Page[LoungeView]:
    """Open lounges, newest first: the public ones and those that the actor was asked into, or only these."""
    (before,) = decode_cursor(cursor, tuple[UUID]) if cursor else (UUID(int=2**128 - 1),)
    parameters = {"user": actor.user_id, "before": before, "limit": limit + 1, "mine": mine}
    rows = query(_PAGE, parameters)
    online = _online([row[1] for row in rows])
    return cut(rows, limit, lambda row: LoungeView(**_columns(row, online)), lambda row: (row[0],))


def lounge(actor: Actor, lounge_id: str) -> LoungeDetails:
    """One lounge with who is online in it; raises NotFound for a private one that is not the actor's to know of."""
    return _details(visible_lounge(actor, lounge_id).id)


def create_lounge(actor: Actor, draft: LoungeDraft) -> LoungeDetails:
    """Open a lounge, which the actor owns; raises RateLimited."""
    if not throttle.hit(CREATED_LIMIT, "lounges", str(actor.user_id)).allowed:
        raise RateLimited("You have opened many lounges; try again later.", retry_after_s=600)
    lounge_id = new_id()
    with atomic():
        room_id = create_room("LOUNGE", actor.user_id)
        LoungeRow.create(id=lounge_id, room=room_id, **msgspec.to_builtins(draft))
        LoungeMember.create(lounge=lounge_id, user=actor.user_id, by=actor.user_id)
        return _details(lounge_id)


def change_lounge(actor: Actor, lounge_id: str, patch: LoungePatch) -> LoungeDetails:
    """Change a lounge of the actor's; those who may not be in it any more leave it. Raises NotFound, Forbidden."""
    with atomic():
        ref = owned_lounge(actor, lounge_id)
        columns: dict[str, Any] = msgspec.to_builtins(patch)
        if columns:
            LoungeRow.update(**columns).where(LoungeRow.id == ref.id).execute()
        if "visibility" in columns:
            publish(RoomAccessChanged(room_id=ref.room.id), CONTROL)
        return _details(ref.id)


def archive_lounge(actor: Actor, lounge_id: str) -> LoungeDetails:
    """Close a lounge for good: everybody leaves, and what was said may still be read. Raises NotFound, Forbidden."""
    with atomic():
        ref = owned_lounge(actor, lounge_id)
        LoungeRow.update(archived_at=clock.now()).where(LoungeRow.id == ref.id).execute()
        record(actor, Action.ARCHIVE_LOUNGE, room_id=ref.room.id, user_id=ref.owner_id, target_id=ref.id)
        publish(RoomAccessChanged(room_id=ref.room.id), CONTROL)
        return _details(ref.id)


def lounge_messages(actor: Actor, lounge_id: str, limit: int, cursor: str | None) -> Page[Message]:
    """What was said in a lounge, newest first, also once it is archived; raises NotFound."""
    return as_read_by(actor, history(visible_lounge(actor, lounge_id).room, limit, cursor))


def visible_lounge(actor: Actor, lounge_id: str) -> LoungeRef:
    """A lounge that the actor may know of; raises NotFound."""
    wanted = known_id(lounge_id, "lounge")
    rows = query(_VISIBLE, {"lounge": wanted, "user": actor.user_id, "is_staff": actor.is_moderator})
    if not rows:
        raise NotFound("No such lounge.", "lounge_not_found")
    id_, room_id, visibility, is_archived, owner_id = rows[0]
    return LoungeRef(id_, RoomRef(room_id, f"lounge:{id_}"), LoungeVisibility(visibility), is_archived, owner_id)


def owned_lounge(actor: Actor, lounge_id: str) -> LoungeRef:
    """An open lounge of the actor's (an administrator's: any); raises NotFound, Forbidden, Conflict."""
    ref = visible_lounge(actor, lounge_id)
    if not (actor.is_admin or ref.owner_id == actor.user_id):
        raise Forbidden("Only the owner of this lounge may do that.", "owner_required")
    if ref.is_archived:
        raise Conflict("This lounge is closed.", "lounge_archived")
    return ref


def _details(lounge_id: UUID) -> LoungeDetails:
    row = query(f"SELECT {_COLUMNS} {_FROM} WHERE l.id = %s", (lounge_id,))[0]
    online = _online([row[1]])
    people = query(_PEOPLE, (online.get(row[1], []), ONLINE_SHOWN))
    return LoungeDetails(**_columns(row, online), members_online=[UserRef(*person) for person in people])


def _online(room_ids: list[UUID]) -> dict[UUID, list[UUID]]:
    """Who is in the rooms; nobody that we know of where Redis is away."""
    try:
        return presence.viewers_in(room_ids)
    except redis.RedisError as error:
        log.warning("presence_unread", error=str(error))
        return {}


def _columns(row: tuple[Any, ...], online: dict[UUID, list[UUID]]) -> dict[str, Any]:
    id_, room_id, name, description, visibility, members, created_at, updated_at, archived_at, *owner = row
    return {
        "id": id_,
        "room": f"lounge:{id_}",
        "name": name,
        "description": description,
        "visibility": LoungeVisibility(visibility),
        "owner": UserRef(*owner) if owner[0] is not None else None,
        "member_count": members,
        "online_count": len(online.get(room_id, [])),
        "created_at": created_at,
        "updated_at": updated_at,
        "archived_at": archived_at,
    }


_COLUMNS = """
l.id, l.room_id, l.name, l.description, l.visibility,
(SELECT count(*) FROM lounge_members m WHERE m.lounge_id = l.id), l.created_at, l.updated_at, l.archived_at,
u.id, u.username, u.name, u.avatar"""
_FROM = "FROM lounges l JOIN rooms r ON r.id = l.room_id LEFT JOIN users u ON u.id = r.owner_id"
_PAGE = f"""
SELECT {_COLUMNS} FROM (
    (SELECT id FROM lounges WHERE NOT %(mine)s AND visibility = 'PUBLIC' AND archived_at IS NULL AND id < %(before)s
     ORDER BY id DESC LIMIT %(limit)s)
    UNION
    (SELECT m.lounge_id FROM lounge_members m JOIN lounges k ON k.id = m.lounge_id
     WHERE m.user_id = %(user)s AND k.archived_at IS NULL AND m.lounge_id < %(before)s
     ORDER BY m.lounge_id DESC LIMIT %(limit)s)
    ORDER BY id DESC LIMIT %(limit)s
) AS shown JOIN lounges l ON l.id = shown.id
JOIN rooms r ON r.id = l.room_id LEFT JOIN users u ON u.id = r.owner_id ORDER BY l.id DESC"""  # noqa: S608
_VISIBLE = """
SELECT l.id, l.room_id, l.visibility, l.archived_at IS NOT NULL, r.owner_id
FROM lounges l JOIN rooms r ON r.id = l.room_id
WHERE l.id = %(lounge)s AND (
    %(is_staff)s
    OR l.visibility = 'PUBLIC'
    OR EXISTS (SELECT FROM lounge_members m WHERE m.lounge_id = l.id AND m.user_id = %(user)s))"""
_PEOPLE = "SELECT id, username, name, avatar FROM users WHERE id = ANY (%s::uuid[]) ORDER BY lower(username) LIMIT %s"
