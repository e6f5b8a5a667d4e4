"""Reading the moderation log, by those who keep order where its entries were made."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from db.connection import acting_as_system, query
from services.actors import Actor
from services.events import UserRef
from services.moderation_log import Action
from services.moderation_scope import scope_of
from services.pages import Page, cut, decode_cursor


class LogFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries: of one room (`kind:id`), about one person, by one person, of one kind."""

    room: str | None = None
    user_id: UUID | None = None
    actor_id: UUID | None = None
    action: Action | None = None


class LogEntry(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One act; `actor` and `user` are None where their accounts are gone, `roomId` for the whole platform."""

    id: UUID
    action: Action
    actor: UserRef | None
    user: UserRef | None
    target_id: UUID | None
    room_id: UUID | None
    room_kind: str | None
    reason: str
    details: dict[str, Any]
    created_at: datetime


def log_entries(actor: Actor, wanted: LogFilter, limit: int, cursor: str | None) -> Page[LogEntry]:
    """What was done, newest first; raises Forbidden, NotFound.

    Without a room the platform's staff see everything, a streamer what was done in their chat.
    """
    (before,) = decode_cursor(cursor, tuple[UUID]) if cursor else (UUID(int=2**128 - 1),)
    parameters = {
        "before": before,
        "limit": limit + 1,
        "room": scope_of(actor, wanted.room).room_id,
        "user": wanted.user_id,
        "actor": wanted.actor_id,
        "action": wanted.action,
    }
    conditions = [sql for name, sql in _CONDITIONS.items() if parameters[name] is not None]
    with acting_as_system("what was done in a room that the actor keeps"):
        rows = query(_SELECT.format(" AND ".join(["l.id < %(before)s", *conditions])), parameters)
    return cut(rows, limit, _entry, lambda row: (row[0],))


_CONDITIONS = {
    "room": "l.room_id = %(room)s",
    "user": "l.target_user_id = %(user)s",
    "actor": "l.actor_id = %(actor)s",
    "action": "l.action = %(action)s",
}
_SELECT = """
SELECT l.id, l.action, l.target_id, l.room_id, r.kind, l.reason, l.details, l.created_at,
       a.id, a.username, a.name, a.avatar, u.id, u.username, u.name, u.avatar
FROM moderation_log l
LEFT JOIN rooms r ON r.id = l.room_id
LEFT JOIN users a ON a.id = l.actor_id
LEFT JOIN users u ON u.id = l.target_user_id
WHERE {} ORDER BY l.id DESC LIMIT %(limit)s"""


def _entry(row: tuple[Any, ...]) -> LogEntry:
    id_, action, target_id, room_id, room_kind, reason, details, created_at = row[:8]
    return LogEntry(
        id=id_,
        action=Action(action),
        actor=_person(row[8:12]),
        user=_person(row[12:16]),
        target_id=target_id,
        room_id=room_id,
        room_kind=room_kind,
        reason=reason,
        details=details,
        created_at=created_at,
    )


def _person(columns: tuple[Any, ...]) -> UserRef | None:
    return UserRef(*columns) if columns[0] is not None else None
