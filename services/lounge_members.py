"""Who was asked into a lounge: invitations, which are the right to enter, and taking them back."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from db.connection import acting_as_system, query
from db.models.lounges import LoungeMember
from db.transactions import atomic
from services import clock, notifications
from services.actors import Actor
from services.errors import Conflict, Forbidden, Invalid, NotFound
from services.events import RoomAccessChanged, UserChanged, UserRef, publish
from services.lounges import LoungeRef, visible_lounge
from services.moderation_log import Action, record
from services.moderation_scope import Scope, must_outrank
from services.notification_kinds import Kind
from services.pages import Page, cut, decode_cursor
from services.separation import is_blocked
from services.standing import standing
from services.topics import CONTROL


class Invitation(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Whom to ask in, by id or by name."""

    user_id: UUID | None = None
    username: Annotated[str, msgspec.Meta(min_length=3, max_length=30)] | None = None


class MemberView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A person who was asked in, by whom and when."""

    user: UserRef
    invited_by: UserRef | None
    since: datetime


def members(actor: Actor, lounge_id: str, limit: int, cursor: str | None) -> Page[MemberView]:
    """The members of a lounge, in the order of their ids; raises NotFound."""
    ref = visible_lounge(actor, lounge_id)
    (after,) = decode_cursor(cursor, tuple[UUID]) if cursor else (UUID(int=0),)
    return cut(query(_PAGE, (ref.id, after, limit + 1)), limit, _view, lambda row: (row[0],))


def invite(actor: Actor, lounge_id: str, invitation: Invitation) -> MemberView:
    """Ask somebody in, who may enter from now on and is told; again changes nothing.

    The owner and the lounge's moderators may. Raises NotFound, Forbidden (also where one blocks the
    other), Conflict for a closed lounge or somebody who is banned from it.
    """
    with atomic():
        ref = _kept_lounge(actor, lounge_id)
        user_id = _invited(invitation)
        _check(actor, ref, user_id)
        added = query(
            """INSERT INTO lounge_members (lounge_id, user_id, by_id, created_at) VALUES (%s, %s, %s, %s)
               ON CONFLICT DO NOTHING RETURNING 1""",
            (ref.id, user_id, actor.user_id, clock.now()),
        )
        if added:
            publish(UserChanged(user_id=user_id), CONTROL)
            data = {"loungeId": str(ref.id), "room": ref.room.alias}
            notifications.notify(user_id, Kind.INVITATION, "You were asked into a lounge", data=data, cause=ref.id)
        return _view(query(_ONE, (ref.id, user_id))[0])


def remove(actor: Actor, lounge_id: str, user_id: UUID) -> MemberView:
    """Take an invitation back, or give one's own up; who may not be there any more leaves at once.

    Raises NotFound, Forbidden, Conflict for the owner, who closes the lounge instead.
    """
    with atomic():
        ref = visible_lounge(actor, lounge_id)
        rows = query(_ONE, (ref.id, user_id))
        if not rows:
            raise NotFound("This person is no member of this lounge.", "member_not_found")
        if user_id == ref.owner_id:
            raise Conflict("The owner stays; close the lounge instead.", "owner_stays")
        if user_id != actor.user_id:
            _kept_lounge(actor, lounge_id)
            must_outrank(actor, user_id, Scope(ref.room))
            record(actor, Action.REMOVE_MEMBER, room_id=ref.room.id, user_id=user_id, target_id=ref.id)
        LoungeMember.delete().where(LoungeMember.lounge == ref.id, LoungeMember.user == user_id).execute()
        publish(UserChanged(user_id=user_id), CONTROL)
        publish(RoomAccessChanged(room_id=ref.room.id), CONTROL)
        return _view(rows[0])


def _kept_lounge(actor: Actor, lounge_id: str) -> LoungeRef:
    ref = visible_lounge(actor, lounge_id)
    if not standing(actor, ref.room.id).keeps_order:
        raise Forbidden("Only the lounge's moderators may do that.")
    if ref.is_archived:
        raise Conflict("This lounge is closed.", "lounge_archived")
    return ref


def _invited(invitation: Invitation) -> UUID:
    if (invitation.user_id is None) == (invitation.username is None):
        raise Invalid.field("userId", "or username says whom to ask in", "user_required")
    rows = query(
        "SELECT id FROM users WHERE suspended_at IS NULL AND (id = %s OR lower(username) = lower(%s))",
        (invitation.user_id, invitation.username),
    )
    if not rows:
        raise NotFound("No such user.", "user_not_found")
    return UUID(str(rows[0][0]))


def _check(actor: Actor, ref: LoungeRef, user_id: UUID) -> None:
    if is_blocked(actor.user_id, user_id):
        raise Forbidden("You cannot ask this person in.", "blocked")
    with acting_as_system("another's standing"):
        banned = query(
            """SELECT 1 FROM bans WHERE user_id = %s AND room_id = %s AND lifted_at IS NULL
               AND (until IS NULL OR until > %s)""",
            (user_id, ref.room.id, clock.now()),
        )
    if banned:
        raise Conflict("This person is banned from this lounge; lift that first.", "banned")


_SELECT = """
SELECT u.id, u.username, u.name, u.avatar, y.id, y.username, y.name, y.avatar, m.created_at
FROM lounge_members m JOIN users u ON u.id = m.user_id LEFT JOIN users y ON y.id = m.by_id
WHERE m.lounge_id = %s """
_ONE = _SELECT + "AND m.user_id = %s"
_PAGE = _SELECT + "AND m.user_id > %s ORDER BY m.user_id LIMIT %s"


def _view(row: tuple[Any, ...]) -> MemberView:
    by = UserRef(*row[4:8]) if row[4] is not None else None
    return MemberView(user=UserRef(*row[:4]), invited_by=by, since=row[8])
