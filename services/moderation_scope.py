"""Where somebody keeps order, and over whom: the one place that says so for REST and for sockets."""

from enum import IntEnum
from uuid import UUID

import msgspec

from db.connection import acting_as_system, query
from services import clock
from services.actors import Actor, Role
from services.errors import Forbidden, NotFound
from services.rooms import RoomRef, find_room, room_name
from services.standing import Standing, standing


class Rank(IntEnum):
    """Power over others, rising; who has less of it is moderated by who has more."""

    PARTICIPANT = 0
    ROOM_MODERATOR = 1
    OWNER = 2
    MODERATOR = 3
    ADMIN = 4


class Scope(msgspec.Struct, frozen=True):
    """The room in which an act counts; None for the whole platform."""

    room: RoomRef | None

    @property
    def room_id(self) -> UUID | None:
        return self.room.id if self.room else None

    @property
    def name(self) -> str | None:
        """The room's name on the wire."""
        return self.room.alias if self.room else None


EVERYWHERE = Scope(None)


def scope_of(actor: Actor, name: str | None) -> Scope:
    """The room called `name` (`kind:id`), where the actor keeps order.

    Left out it is the whole platform for its staff, and for a streamer their own channel's chat.
    Raises NotFound, Forbidden.
    """
    if name is not None:
        return kept_by(actor, find_room(name, actor))
    if _is_on_duty(actor):
        return EVERYWHERE
    rows = query("SELECT room_id FROM channels WHERE user_id = %s", (actor.user_id,))
    if not rows:
        raise Forbidden("Say which room you mean: only the platform's moderators may do this everywhere.")
    return Scope(RoomRef(rows[0][0], room_name(rows[0][0])))


def kept_by(actor: Actor, room: RoomRef) -> Scope:
    """A room as the scope of an act; raises Forbidden where the actor does not keep order in it."""
    if not standing(actor, room.id).keeps_order:
        raise Forbidden("Only moderators of this chat may do that.")
    return Scope(room)


def owned_by(actor: Actor, name: str | None) -> RoomRef:
    """A room (left out: the chat of the actor's channel) that the actor owns; administrators own every one.

    Raises NotFound, Forbidden.
    """
    if name is None:
        rows = query("SELECT room_id FROM channels WHERE user_id = %s", (actor.user_id,))
        if not rows:
            raise NotFound("You have no channel; say which room you mean.", "room_not_found")
        return RoomRef(rows[0][0], room_name(rows[0][0]))
    room = find_room(name, actor)
    if not (actor.is_admin or standing(actor, room.id).is_owner):
        raise Forbidden("Only the owner of this room may do that.")
    return room


def keeps_order_in(actor: Actor, room_id: UUID | None) -> bool:
    """Whether the actor keeps order in a room (None: everywhere)."""
    return _is_on_duty(actor) if room_id is None else standing(actor, room_id).keeps_order


def must_outrank(actor: Actor, user_id: UUID, scope: Scope) -> None:
    """Let pass who may act against somebody; raises NotFound, Forbidden (self_moderation, outranked).

    Nobody acts against a room's owner inside that room, nor anywhere against whoever stands as high.
    """
    target = _role_of(user_id)
    if user_id == actor.user_id:
        raise Forbidden("You cannot do this to yourself.", "self_moderation")
    if scope.room is None:
        mine, theirs = _rank(actor.role, None), _rank(target, None)
    else:
        own = standing(actor, scope.room.id)
        with acting_as_system("another's standing"):
            other = standing(Actor(user_id, target), scope.room.id)
        if other.is_owner:
            raise Forbidden("The owner of a room cannot be kept out of it.", "outranked")
        mine, theirs = _rank(actor.role, own), _rank(target, other)
    if theirs >= mine:
        raise Forbidden("This person stands as high as you do.", "outranked")


def _is_on_duty(actor: Actor) -> bool:
    """Whether the actor keeps order on the whole platform: its staff, but not while banned from it themselves."""
    return actor.is_moderator and not query(
        """SELECT 1 FROM bans WHERE user_id = %s AND room_id IS NULL AND lifted_at IS NULL
           AND (until IS NULL OR until > %s)""",
        (actor.user_id, clock.now()),
    )


def _role_of(user_id: UUID) -> Role:
    rows = query("SELECT role FROM users WHERE id = %s", (user_id,))
    if not rows:
        raise NotFound("No such user.", "user_not_found")
    return Role(rows[0][0])


def _rank(role: Role, inside: Standing | None) -> Rank:
    if role is Role.ADMIN:
        return Rank.ADMIN
    if role is Role.MODERATOR:
        return Rank.MODERATOR
    if inside is not None and inside.is_owner:
        return Rank.OWNER
    return Rank.ROOM_MODERATOR if inside is not None and inside.is_room_moderator else Rank.PARTICIPANT
