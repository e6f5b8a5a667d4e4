"""Applications to be a creator, as an administrator reviews them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec
import structlog

from db.connection import query
from db.models.creator_applications import CreatorApplication
from db.transactions import atomic
from services import clock, creators, identity, notifications
from services.actors import Actor
from services.creators import ApplicationStatus
from services.errors import Conflict, NotFound
from services.identity import Document, IdentityStatus
from services.notification_kinds import Kind
from services.pages import Page, cut, decode_cursor
from services.users import PUBLIC, PUBLIC_COLUMNS, UserView, public_view

log = structlog.get_logger(__name__)


class Decision(StrEnum):
    """What can be decided."""

    APPROVED = "APPROVED"
    REJECTED = "REJECTED"


class Ruling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A decision, and why; the applicant reads both."""

    status: Decision
    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""


class ReviewView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An application with its applicant; of papers, how many there are and where they stand."""

    id: UUID
    user: UserView
    status: ApplicationStatus
    bio: str
    categories: list[str]
    reason: str
    identity_status: IdentityStatus | None
    document_count: int
    applied_at: datetime
    decided_at: datetime | None


def applications(status: ApplicationStatus | None, limit: int, cursor: str | None) -> Page[ReviewView]:
    """Applications, the oldest first: whoever waited longest is next."""
    (after,) = decode_cursor(cursor, tuple[UUID]) if cursor else (UUID(int=0),)
    condition = "a.status = %(status)s AND" if status else ""
    with atomic():
        rows = query(
            f"{_SELECT} WHERE {condition} a.id > %(after)s {_ORDER}",
            {"status": status, "after": after, "limit": limit + 1},
        )
    return cut(rows, limit, _view, lambda row: (row[PUBLIC_COLUMNS],))


def decide(actor: Actor, application_id: UUID, ruling: Ruling) -> ReviewView:
    """Approve or reject an application, and tell the applicant.

    A rejected one may be approved after all; an approved one is taken back by changing the
    person's role. Raises NotFound, or Conflict for what was decided already.
    """
    with atomic():
        row = CreatorApplication.select().where(CreatorApplication.id == application_id).for_update().first()
        if row is None:
            raise NotFound("No such application.")
        if row.status in (ruling.status.value, ApplicationStatus.APPROVED.value):
            raise Conflict("This application was decided already.", "already_decided")
        _rule(actor, row, ruling)
        view = _one(application_id)
    log.info("creator_application_decided", application_id=str(application_id), status=ruling.status.value)
    return view


def document(actor: Actor, application_id: UUID, number: int) -> Document:
    """One of an applicant's papers, counted from 1; that it was read is logged. Raises NotFound."""
    row = CreatorApplication.get_or_none(CreatorApplication.id == application_id)
    if row is None or not actor.is_admin:
        raise NotFound("No such application.")
    log.info("identity_document_read", application_id=str(application_id), number=number, by=str(actor.user_id))
    return identity.document(row.user_id, number)


def _rule(actor: Actor, row: CreatorApplication, ruling: Ruling) -> None:
    is_approved = ruling.status is Decision.APPROVED
    if is_approved:
        creators.approve(row.user_id)
    CreatorApplication.update(
        status=ruling.status.value, reason=ruling.reason, decided_by_id=actor.user_id, decided_at=clock.now()
    ).where(CreatorApplication.id == row.id).execute()
    identity.decide(row.user_id, IdentityStatus.VERIFIED if is_approved else IdentityStatus.REJECTED, actor.user_id)
    title = "You are a creator now" if is_approved else "Your application was not approved"
    data = {"applicationId": str(row.id), "status": ruling.status.value}
    notifications.notify(row.user_id, Kind.APPLICATION_DECIDED, title, ruling.reason, data)


def _one(application_id: UUID) -> ReviewView:
    return _view(query(f"{_SELECT} WHERE a.id = %s", (application_id,))[0])


def _view(row: tuple[object, ...]) -> ReviewView:
    return msgspec.convert(
        dict(zip(_FIELDS, row[PUBLIC_COLUMNS:], strict=True)) | {"user": public_view(row)}, ReviewView
    )


_FIELDS = ("id", "status", "bio", "categories", "reason", "identityStatus", "documentCount", "appliedAt", "decidedAt")

_SELECT = f"""
SELECT {PUBLIC}, a.id, a.status, a.bio, a.categories, a.reason, i.status, coalesce(i.document_count, 0),
       a.created_at, a.decided_at
FROM creator_applications a JOIN users u ON u.id = a.user_id
LEFT JOIN identity_verifications i ON i.user_id = a.user_id"""  # noqa: S608 - built from constants

_ORDER = "ORDER BY a.id LIMIT %(limit)s"
