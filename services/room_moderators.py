"""Whom the owner of a room trusts to keep order in it."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from db.connection import acting_as_system, query
from db.models.room_moderators import RoomModerator
from db.transactions import atomic
from services import clock, notifications
from services.actors import Actor
from services.errors import Conflict, Invalid, NotFound
from services.events import UserChanged, UserRef, publish
from services.moderation_log import Action, record
from services.moderation_scope import owned_by
from services.notification_kinds import Kind
from services.pages import Page, cut, decode_cursor
from services.rooms import RoomRef
from services.standing import standing
from services.topics import CONTROL


class ModeratorView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A person who keeps order in a room, since when."""

    user: UserRef
    room: str
    since: datetime


def appoint(actor: Actor, room: str | None, user_id: UUID) -> ModeratorView:
    """Make somebody a moderator of a room (left out: of the actor's own chat); again changes nothing.

    Raises NotFound, Forbidden, Invalid for the owner, Conflict for whoever is banned or blocked there.
    """
    ref = owned_by(actor, room)
    with atomic():
        _check(ref, user_id)
        values = {"room": ref.id, "user": user_id, "by": actor.user_id, "created_at": clock.now()}
        added = RoomModerator.insert(values).on_conflict_ignore().returning(RoomModerator.user).execute()
        if list(added):
            record(actor, Action.ADD_MODERATOR, room_id=ref.id, user_id=user_id)
            publish(UserChanged(user_id=user_id), CONTROL)
            notifications.notify(user_id, Kind.MODERATION, "You moderate a chat now", data={"room": ref.alias})
        return _view(query(_ONE, (ref.id, user_id))[0], ref)


def dismiss(actor: Actor, room: str | None, user_id: UUID) -> ModeratorView:
    """Take that back; raises NotFound where the person is no moderator there, Forbidden."""
    ref = owned_by(actor, room)
    with atomic():
        rows = query(_ONE, (ref.id, user_id))
        removed = RoomModerator.delete().where(RoomModerator.room == ref.id, RoomModerator.user == user_id).execute()
        if not rows or not removed:
            raise NotFound("This person does not moderate this chat.", "moderator_not_found")
        record(actor, Action.REMOVE_MODERATOR, room_id=ref.id, user_id=user_id)
        publish(UserChanged(user_id=user_id), CONTROL)
        notifications.notify(user_id, Kind.MODERATION, "You no longer moderate a chat", data={"room": ref.alias})
    return _view(rows[0], ref)


def moderators_of(actor: Actor, room: str | None, limit: int, cursor: str | None) -> Page[ModeratorView]:
    """Who keeps order in a room of the actor's, in the order of their ids; raises NotFound, Forbidden."""
    ref = owned_by(actor, room)
    (after,) = decode_cursor(cursor, tuple[UUID]) if cursor else (UUID(int=0),)
    rows = query(_PAGE, (ref.id, after, limit + 1))
    return cut(rows, limit, lambda row: _view(row, ref), lambda row: (row[0],))


@acting_as_system("another's standing")
def _check(room: RoomRef, user_id: UUID) -> None:
    found = query("SELECT role FROM users WHERE id = %s AND suspended_at IS NULL", (user_id,))
    if not found:
        raise NotFound("No such user.", "user_not_found")
    theirs = standing(Actor(user_id, found[0][0]), room.id)
    if theirs.is_owner:
        raise Invalid.field("userId", "is the owner, who moderates already", "owner_moderates")
    if theirs.is_banned or theirs.is_blocked:
        raise Conflict("This person is banned or blocked here; lift that first.", "banned")


_SELECT = """
SELECT u.id, u.username, u.name, u.avatar, m.created_at
FROM room_moderators m JOIN users u ON u.id = m.user_id WHERE m.room_id = %s """
_ONE = _SELECT + "AND m.user_id = %s"
_PAGE = _SELECT + "AND m.user_id > %s ORDER BY m.user_id LIMIT %s"


def _view(row: tuple[Any, ...], room: RoomRef) -> ModeratorView:
    return ModeratorView(user=UserRef(*row[:4]), room=room.alias, since=row[4])
