"""Keeping people quiet: bans and time-outs in one room or everywhere, felt on open sockets at once.

A ban takes away the right to write, react and moderate. Who is banned still reads what anybody may
read; from a private lounge a ban puts them out. One everywhere holds in every room, one's own too.
"""

from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec

from db.connection import acting_as_system, query
from db.models.bans import Ban
from db.models.room_moderators import RoomModerator
from db.transactions import atomic
from services import clock, notifications
from services.actors import Actor
from services.chat_rules import cleaned
from services.errors import Invalid, NotFound
from services.events import RoomAccessChanged, UserBanned, UserChanged, UserRef, UserUnbanned, publish
from services.ids import known_id, new_id
from services.message_removal import remove_messages
from services.moderation_log import Action, record
from services.moderation_scope import Scope, keeps_order_in, must_outrank, scope_of
from services.notification_kinds import Kind
from services.pages import Page, cut, decode_cursor
from services.rooms import room_name
from services.topics import CONTROL, room_topic

LONGEST_S = 10 * 365 * 86400
TIMEOUT_S = 600

Reason = Annotated[str, msgspec.Meta(max_length=500)]
Seconds = Annotated[int, msgspec.Meta(ge=1, le=LONGEST_S)]


class BanDraft(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to ban, until when (neither `seconds` nor `until`: for good), and whether what they said goes too."""

    user_id: UUID
    seconds: Seconds | None = None
    until: datetime | None = None
    reason: Reason = ""
    delete_messages: bool = False


class BanView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A ban; `room` is None for one everywhere, `until` for one that holds for good."""

    id: UUID
    user: UserRef
    by: UserRef | None
    room: str | None
    reason: str
    until: datetime | None
    created_at: datetime
    lifted_at: datetime | None


def ban(actor: Actor, scope: Scope, draft: BanDraft) -> BanView:
    """Ban somebody, or time them out; one in force already is replaced.

    The actor keeps order in the scope. Raises Forbidden (outranked, self_moderation), NotFound, Invalid.
    """
    draft = msgspec.structs.replace(draft, reason=cleaned(draft.reason))
    with acting_as_system("moderation of another"), atomic():
        must_outrank(actor, draft.user_id, scope)
        until = _end(draft)
        ban_id = _put(actor, scope, draft, until)
        _strip(scope, draft.user_id)
        action = Action.TIMEOUT if until else Action.BAN
        details = {"until": until.isoformat()} if until else {}
        record(actor, action, **_about(scope, draft.user_id, ban_id), reason=draft.reason, details=details)
        view = _one(ban_id)
        _tell(scope, view, until)
        _notify_banned(view, until)
        if draft.delete_messages:
            remove_messages(actor, scope, draft.user_id, draft.reason)
    return view


def lift(actor: Actor, ban_id: str) -> BanView:
    """End a ban that is in force; raises NotFound, also where the actor does not keep order there."""
    with acting_as_system("moderation of another"), atomic():
        row = Ban.select().where(Ban.id == known_id(ban_id, "ban")).for_update().first()
        if row is None or not keeps_order_in(actor, row.room_id):
            raise NotFound("No such ban.", "ban_not_found")
        if row.lifted_at is None:
            _lift(actor, row)
        return _one(row.id)


def lift_for(actor: Actor, scope: Scope, user_id: UUID) -> BanView:
    """End the ban of a person in a scope that the actor keeps; raises NotFound where there is none."""
    with acting_as_system("moderation of another"):
        rows = query(
            "SELECT id FROM bans WHERE user_id = %s AND room_id IS NOT DISTINCT FROM %s AND lifted_at IS NULL",
            (user_id, scope.room_id),
        )
    if not rows:
        raise NotFound("This person is not banned here.", "ban_not_found")
    return lift(actor, str(rows[0][0]))


def bans_in_force(actor: Actor, room: str | None, limit: int, cursor: str | None) -> Page[BanView]:
    """Who is banned in a room at this moment, newest first; raises Forbidden, NotFound.

    Without a room: everywhere for the platform's staff, in one's own chat for a streamer.
    """
    (before,) = decode_cursor(cursor, tuple[UUID]) if cursor else (UUID(int=2**128 - 1),)
    scope = scope_of(actor, room)
    with acting_as_system("whom this room's moderators banned"):
        rows = query(_IN_FORCE, {"room": scope.room_id, "before": before, "limit": limit + 1, "now": clock.now()})
    return cut(rows, limit, lambda row: _view(row, scope.name), lambda row: (row[0],))


def _end(draft: BanDraft) -> datetime | None:
    if draft.seconds is not None and draft.until is not None:
        raise Invalid.field("until", "cannot be given together with seconds")
    if draft.seconds is not None:
        return clock.now() + timedelta(seconds=draft.seconds)
    if draft.until is not None and draft.until.tzinfo is None:
        raise Invalid.field("until", "names its time zone")
    if draft.until is not None and not clock.now() < draft.until < clock.now() + timedelta(seconds=LONGEST_S):
        raise Invalid.field("until", "lies in the next ten years")
    return draft.until


def _put(actor: Actor, scope: Scope, draft: BanDraft, until: datetime | None) -> UUID:
    rows = query(
        """INSERT INTO bans (id, room_id, user_id, by_id, reason, until, created_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s)
           ON CONFLICT (user_id, room_id) WHERE lifted_at IS NULL DO UPDATE
           SET by_id = excluded.by_id, reason = excluded.reason, until = excluded.until,
               created_at = excluded.created_at
           RETURNING id""",
        (new_id(), scope.room_id, draft.user_id, actor.user_id, draft.reason, until, clock.now()),
    )
    return UUID(str(rows[0][0]))


def _strip(scope: Scope, user_id: UUID) -> None:
    """Who is banned from a room moderates it no longer, and is no member of the lounge that it may be."""
    if scope.room is None:
        return
    RoomModerator.delete().where(RoomModerator.room == scope.room.id, RoomModerator.user == user_id).execute()
    lounges = query(
        """DELETE FROM lounge_members WHERE user_id = %s
           AND lounge_id IN (SELECT id FROM lounges WHERE room_id = %s) RETURNING 1""",
        (user_id, scope.room.id),
    )
    if lounges:
        publish(RoomAccessChanged(room_id=scope.room.id), CONTROL)


def _lift(actor: Actor, row: Ban) -> None:
    Ban.update(lifted_at=clock.now()).where(Ban.id == row.id).execute()
    room_id: UUID | None = row.room_id
    record(actor, Action.UNBAN, room_id=room_id, user_id=row.user_id, target_id=row.id)
    view = _one(row.id)
    event = UserUnbanned(user_id=view.user.id, user=view.user, everywhere=room_id is None)
    publish(UserChanged(user_id=row.user_id), CONTROL)
    publish(event, room_topic(room_id) if room_id else CONTROL)
    data = {"banId": str(row.id), "room": view.room}
    notifications.notify(row.user_id, Kind.MODERATION, f"You may write {_where(view)} again", data=data)


def _tell(scope: Scope, view: BanView, until: datetime | None) -> None:
    """Every process forgets what it knew of the person; the room, or the person's sockets, hear of the ban."""
    publish(UserChanged(user_id=view.user.id), CONTROL)
    event = UserBanned(user_id=view.user.id, user=view.user, until=until, everywhere=scope.room is None)
    publish(event, room_topic(scope.room.id) if scope.room else CONTROL)


def _notify_banned(view: BanView, until: datetime | None) -> None:
    end = f" until {until:%Y-%m-%d %H:%M} UTC" if until else ""
    data = {"banId": str(view.id), "room": view.room, "until": until.isoformat() if until else None}
    title = f"You may not write {_where(view)}{end}"
    notifications.notify(view.user.id, Kind.MODERATION, title, view.reason, data)


def _where(view: BanView) -> str:
    return "in a chat" if view.room else "anywhere"


def _about(scope: Scope, user_id: UUID, ban_id: UUID) -> dict[str, UUID | None]:
    return {"room_id": scope.room_id, "user_id": user_id, "target_id": ban_id}


_COLUMNS = """
b.id, b.room_id, b.reason, b.until, b.created_at, b.lifted_at,
u.id, u.username, u.name, u.avatar, y.id, y.username, y.name, y.avatar"""
_FROM = "FROM bans b JOIN users u ON u.id = b.user_id LEFT JOIN users y ON y.id = b.by_id"
_ONE = f"SELECT {_COLUMNS} {_FROM} WHERE b.id = %s"
_IN_FORCE = f"""
SELECT {_COLUMNS} {_FROM}
WHERE b.room_id IS NOT DISTINCT FROM %(room)s AND b.lifted_at IS NULL AND (b.until IS NULL OR b.until > %(now)s)
  AND b.id < %(before)s ORDER BY b.id DESC LIMIT %(limit)s"""  # noqa: S608 - built from constants


def _one(ban_id: UUID) -> BanView:
    row = query(_ONE, (ban_id,))[0]
    return _view(row, room_name(row[1]) if row[1] else None)


def _view(row: tuple[Any, ...], room: str | None) -> BanView:
    id_, _, reason, until, created_at, lifted_at = row[:6]
    return BanView(
        id=id_,
        user=UserRef(*row[6:10]),
        by=UserRef(*row[10:14]) if row[10] is not None else None,
        room=room,
        reason=reason,
        until=until,
        created_at=created_at,
        lifted_at=lifted_at,
    )
