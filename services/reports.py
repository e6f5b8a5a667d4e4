"""Reports: somebody says that a message, a person, a stream or a post is not as it should be."""

from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec

from db.connection import query
from db.models.reports import Report
from db.transactions import atomic
from services import posts, throttle
from services.actors import Actor
from services.errors import Conflict, Invalid, NotFound, RateLimited
from services.ids import new_id
from services.refusals import translating
from services.report_queue import ReportView, one_report

LIMIT = "20/hour"

ReportReason = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]


class ReportKind(StrEnum):
    """What a report is about."""

    MESSAGE = "MESSAGE"
    USER = "USER"
    STREAM = "STREAM"
    POST = "POST"


class NewReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A report of exactly one thing."""

    reason: ReportReason
    message_id: UUID | None = None
    user_id: UUID | None = None
    stream_id: UUID | None = None
    post_id: UUID | None = None

    @property
    def target(self) -> tuple[ReportKind, UUID]:
        """What is reported; raises Invalid unless exactly one thing is."""
        things = (self.message_id, self.user_id, self.stream_id, self.post_id)
        given = [(kind, thing) for kind, thing in zip(ReportKind, things, strict=True) if thing is not None]
        if len(given) != 1:
            raise Invalid.field("messageId", "or userId, streamId or postId says what is reported", "target_required")
        return given[0]


class _Evidence(msgspec.Struct, frozen=True):
    """Who is behind the thing reported, whose moderators it concerns, and how it read."""

    subject_id: UUID | None
    room_id: UUID | None
    excerpt: str


def report(actor: Actor, new: NewReport) -> ReportView:
    """Report something; raises NotFound, Invalid, RateLimited, Conflict while an earlier report of it is open."""
    kind, target_id = new.target
    evidence = _EVIDENCE[kind](actor, target_id)
    if evidence.subject_id == actor.user_id:
        raise Invalid.field(f"{kind.lower()}Id", "must not be your own", "self_report")
    if not throttle.hit(LIMIT, "reports", str(actor.user_id)).allowed:
        raise RateLimited("You have reported a lot; try again later.", retry_after_s=600)
    refused = Conflict("You have reported this already; it waits for an answer.", "already_reported")
    with translating({"reports_open_once_key": lambda: refused}), atomic():
        row = Report.create(
            id=new_id(),
            reporter=actor.user_id,
            kind=kind.value,
            target_id=target_id,
            subject=evidence.subject_id,
            room=evidence.room_id,
            excerpt=evidence.excerpt[:5000],
            reason=new.reason,
        )
        return one_report(row.id)


def _of_message(actor: Actor, message_id: UUID) -> _Evidence:
    """What a room's owner said there is no matter for the owner's own moderators."""
    return _found(
        "message",
        """SELECT m.author_id, CASE WHEN r.owner_id IS DISTINCT FROM m.author_id THEN r.id END, m.text
           FROM messages m JOIN rooms r ON r.id = m.room_id
           WHERE m.id = %s AND NOT m.is_deleted AND may_enter(r.id, %s)""",
        (message_id, actor.user_id),
    )


def _of_user(_actor: Actor, user_id: UUID) -> _Evidence:
    return _found("user", "SELECT id, NULL, username || ': ' || bio FROM users WHERE id = %s", (user_id,))


def _of_stream(_actor: Actor, stream_id: UUID) -> _Evidence:
    return _found(
        "stream",
        """SELECT c.user_id, NULL, s.title FROM streams s LEFT JOIN channels c ON c.id = s.channel_id
           WHERE s.id = %s AND s.status <> 'SCHEDULED'""",
        (stream_id,),
    )


def _of_post(actor: Actor, post_id: UUID) -> _Evidence:
    post = posts.post(post_id, actor)
    return _Evidence(post.author.id, None, post.text)


_EVIDENCE = {
    ReportKind.MESSAGE: _of_message,
    ReportKind.USER: _of_user,
    ReportKind.STREAM: _of_stream,
    ReportKind.POST: _of_post,
}


def _found(thing: str, sql: str, parameters: tuple[Any, ...]) -> _Evidence:
    rows = query(sql, parameters)
    if not rows:
        raise NotFound(f"No such {thing}.", f"{thing}_not_found")
    return _Evidence(*rows[0])
