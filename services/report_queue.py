"""The queue of reports: what waits for a moderator, oldest first, and what came of it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec

from db.connection import acting_as_system, query
from db.models.reports import Report
from db.transactions import atomic
from services import clock, notifications
from services.actors import Actor
from services.errors import Conflict, NotFound
from services.events import UserRef
from services.ids import known_id
from services.moderation_log import Action, record
from services.moderation_scope import keeps_order_in, scope_of
from services.notification_kinds import Kind
from services.pages import Page, cut, decode_cursor


class ReportStatus(StrEnum):
    """Where a report is: waiting, or answered with something done or nothing."""

    OPEN = "OPEN"
    RESOLVED = "RESOLVED"
    DISMISSED = "DISMISSED"


class Resolution(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An answer: something was done (RESOLVED) or nothing (DISMISSED); `outcome` tells the reporter what."""

    status: ReportStatus = ReportStatus.RESOLVED
    outcome: Annotated[str, msgspec.Meta(max_length=500)] = ""


class ReportView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A report; `excerpt` is how the thing read when it was reported, `user` who is behind it."""

    id: UUID
    kind: str
    target_id: UUID
    user: UserRef | None
    reporter: UserRef | None
    room_id: UUID | None
    excerpt: str
    reason: str
    status: ReportStatus
    outcome: str
    resolved_by: UserRef | None
    resolved_at: datetime | None
    created_at: datetime


def reports(actor: Actor, room: str | None, status: ReportStatus, limit: int, cursor: str | None) -> Page[ReportView]:
    """Reports in a state, oldest first; raises Forbidden, NotFound.

    The platform's staff see all of them, or those of one room; others those of a room in which they keep order.
    """
    (after,) = decode_cursor(cursor, tuple[UUID]) if cursor else (UUID(int=0),)
    scope = scope_of(actor, room)
    parameters = {"room": scope.room_id, "status": status, "after": after, "limit": limit + 1}
    sql = _PAGE.format("AND p.room_id = %(room)s" if scope.room else "")
    with acting_as_system("what others reported to the room's moderators"):
        rows = query(sql, parameters)
    return cut(rows, limit, _view, lambda row: (row[0],))


def resolve(actor: Actor, report_id: str, resolution: Resolution) -> ReportView:
    """Answer a report, and with it all open ones of the same thing; their reporters are told.

    Raises NotFound, also where it is not for the actor to answer; Conflict once it was answered.
    """
    if resolution.status is ReportStatus.OPEN:
        raise Conflict("A report is not opened again; somebody may report it anew.", "report_open")
    with atomic():
        row = _held(known_id(report_id, "report"))
        if row is None or not keeps_order_in(actor, row.room_id):
            raise NotFound("No such report.", "report_not_found")
        if row.status != ReportStatus.OPEN:
            raise Conflict("This report has been answered already.", "report_resolved")
        return _answer(actor, row, resolution)


def one_report(report_id: UUID) -> ReportView:
    """A report that is known to exist."""
    return _view(query(f"{_SELECT} WHERE p.id = %s", (report_id,))[0])


@acting_as_system("answering a report")
def _answer(actor: Actor, row: Report, resolution: Resolution) -> ReportView:
    told = query(
        """UPDATE reports SET status = %s, outcome = %s, resolved_by_id = %s, resolved_at = %s
           WHERE kind = %s AND target_id = %s AND status = 'OPEN' RETURNING reporter_id, id""",
        (resolution.status, resolution.outcome, actor.user_id, clock.now(), row.kind, row.target_id),
    )
    details = {"status": resolution.status.value, "kind": row.kind, "reports": len(told)}
    record(
        actor,
        Action.RESOLVE_REPORT,
        room_id=row.room_id,
        user_id=row.subject_id,
        target_id=row.id,
        reason=resolution.outcome,
        details=details,
    )
    title = "Something was done about your report" if resolution.status is ReportStatus.RESOLVED else _DISMISSED
    for reporter_id, report_id in told:
        if reporter_id is not None:
            data = {"reportId": str(report_id), "status": resolution.status.value}
            notifications.notify(reporter_id, Kind.MODERATION, title, resolution.outcome, data)
    return one_report(row.id)


@acting_as_system("answering a report")
def _held(report_id: UUID) -> Report | None:
    return Report.select().where(Report.id == report_id).for_update().first()


_DISMISSED = "Your report was looked at; nothing was done"
_SELECT = """
SELECT p.id, p.kind, p.target_id, p.room_id, p.excerpt, p.reason, p.status, p.outcome, p.resolved_at, p.created_at,
       u.id, u.username, u.name, u.avatar, w.id, w.username, w.name, w.avatar, y.id, y.username, y.name, y.avatar
FROM reports p
LEFT JOIN users u ON u.id = p.subject_id
LEFT JOIN users w ON w.id = p.reporter_id
LEFT JOIN users y ON y.id = p.resolved_by_id"""
_PAGE = _SELECT + " WHERE p.status = %(status)s {} AND p.id > %(after)s ORDER BY p.id LIMIT %(limit)s"


def _view(row: tuple[Any, ...]) -> ReportView:
    id_, kind, target_id, room_id, excerpt, reason, status, outcome, resolved_at, created_at = row[:10]
    return ReportView(
        id=id_,
        kind=kind,
        target_id=target_id,
        user=_person(row[10:14]),
        reporter=_person(row[14:18]),
        room_id=room_id,
        excerpt=excerpt,
        reason=reason,
        status=ReportStatus(status),
        outcome=outcome,
        resolved_by=_person(row[18:22]),
        resolved_at=resolved_at,
        created_at=created_at,
    )


def _person(columns: tuple[Any, ...]) -> UserRef | None:
    return UserRef(*columns) if columns[0] is not None else None
