"""Questions of an audience: asked, upvoted, answered, hidden, pinned, and let through where they are reviewed."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from db.connection import acting_as_system, query
from db.models.questions import Question as QuestionRow
from db.transactions import atomic
from services import boards, chat_rules, clock
from services.actors import Actor
from services.errors import Conflict, Forbidden, NotFound
from services.event_sessions import SessionRef, visible_session
from services.events import UserRef
from services.ids import known_id, new_id
from services.pages import Count, Page, cut, decode_cursor
from services.rooms import read_settings
from services.standing import ban_in_force, standing

BOARD_SIZE = 50
EXPORT_BATCH = 500
MOST_UPVOTES = 2**31 - 1

QuestionText = Annotated[str, msgspec.Meta(min_length=1, max_length=chat_rules.TEXT_LIMIT)]


class NewQuestion(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A question to be asked in a session."""

    session_id: UUID
    text: QuestionText


class Question(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A question; `author` is None once the account is gone, `upvotedByMe` left out where nobody in particular reads.

    `isApproved` is false while a question waits for review: then only its author and moderators see it.
    """

    id: UUID
    session_id: UUID
    text: str
    author: UserRef | None
    upvotes: int
    is_answered: bool
    is_hidden: bool
    is_pinned: bool
    is_approved: bool
    upvoted_by_me: bool | UnsetType = UNSET
    created_at: datetime


_COLUMNS = """
q.id, q.session_id, q.text, u.id, u.username, u.name, u.avatar, q.upvotes, q.is_answered, q.is_hidden, q.is_pinned,
q.is_approved, q.created_at"""
_MINE = "EXISTS (SELECT FROM question_upvotes v WHERE v.question_id = q.id AND v.user_id = %(user)s)"
_FROM = " FROM questions q LEFT JOIN users u ON u.id = q.author_id "
_SHOWN = "(%(moderates)s OR NOT q.is_hidden AND (q.is_approved OR q.author_id = %(user)s))"
_PAGE = f"""
SELECT {_COLUMNS}, {_MINE} {_FROM}
WHERE q.session_id = %(session)s AND {_SHOWN}
  AND (q.upvotes < %(upvotes)s OR q.upvotes = %(upvotes)s AND q.id > %(after)s)
ORDER BY q.upvotes DESC, q.id LIMIT %(limit)s"""
_BOARD = f"""
SELECT {_COLUMNS} {_FROM}
WHERE q.session_id = %s AND NOT q.is_hidden AND q.is_approved ORDER BY q.upvotes DESC, q.id LIMIT %s"""
# The upvote is cast in the same round trip, after (MATERIALIZED) it is known that the question may be seen, and that
# nobody has banned who casts it.
_UPVOTE = f"""
WITH seen AS MATERIALIZED (
    SELECT {_COLUMNS}, s.room_id, e.status, ban.user_id IS NOT NULL AS is_banned, ban.until
    FROM questions q LEFT JOIN users u ON u.id = q.author_id
    JOIN event_sessions s ON s.id = q.session_id JOIN events e ON e.id = s.event_id
    LEFT JOIN LATERAL ({ban_in_force("%(user)s", "s.room_id")}) ban ON true
    WHERE q.id = %(question)s AND NOT q.is_hidden AND (q.is_approved OR q.author_id = %(user)s)
      AND (e.status <> 'DRAFT' OR %(sees_drafts)s)
)
SELECT seen.*, cast_one.is_first, cast_one.upvotes
FROM seen LEFT JOIN LATERAL increment_upvotes(
    CASE WHEN seen.status <> 'ENDED' AND NOT seen.is_banned THEN %(question)s::uuid END, %(user)s
) AS cast_one ON true"""  # noqa: S608 - built from constants


def questions_of(actor: Actor, session_id: str, limit: int, cursor: str | None) -> Page[Question]:
    """A session's questions, most upvoted first and then oldest first; raises NotFound.

    Hidden ones, and those of others that wait for review, are shown to moderators only.
    """
    session = visible_session(actor, session_id)
    upvotes, after = decode_cursor(cursor, tuple[Count, UUID]) if cursor else (MOST_UPVOTES, UUID(int=0))
    rows = _page(actor, session, upvotes, after, limit + 1)
    return cut(rows, limit, _view, lambda row: (row[7], row[0]))


def all_questions(actor: Actor, session_id: str) -> Iterator[Question]:
    """Every question of a session for its moderators, batch by batch; raises NotFound, Forbidden at once."""
    session = visible_session(actor, session_id)
    if not standing(actor, session.room_id).keeps_order:
        raise Forbidden("Only moderators may take the questions away.")
    return _batches(session)


def ask(actor: Actor, new: NewQuestion) -> Question:
    """Ask a question; raises NotFound, Conflict after the event, and whatever forbids the actor to write there."""
    session = visible_session(actor, new.session_id)
    session.must_run()
    text = chat_rules.cleaned(new.text)
    who = standing(actor, session.room_id)
    settings = msgspec.structs.replace(read_settings(who.room_settings), emote_only=False)
    refusal = chat_rules.refusal(who, settings, text, clock.now())
    if refusal is not None:
        raise refusal
    question_id = new_id()
    with atomic():
        is_approved = who.keeps_order or not session.reviews_questions
        QuestionRow.create(id=question_id, session=session.id, author=actor.user_id, text=text, is_approved=is_approved)
        boards.questions_changed(session.room_id, session.id)
    return _one(actor, question_id)


def upvote(actor: Actor, question_id: str) -> Question:
    """Upvote a question, once; raises NotFound, Conflict (already_upvoted, event_ended), Forbidden (banned)."""
    wanted = known_id(question_id, "question")
    rows = query(_UPVOTE, {"question": wanted, "user": actor.user_id, "sees_drafts": actor.is_admin})
    if not rows:
        raise NotFound("No such question.")
    *columns, room_id, stage, is_banned, until, is_first, upvotes = rows[0]
    if is_banned:
        raise chat_rules.banned(until, "vote")
    if stage == "ENDED":
        raise Conflict("The event has ended.", "event_ended")
    if not is_first:
        raise Conflict("You have upvoted this question already.", "already_upvoted")
    question = msgspec.structs.replace(_view((*columns, True)), upvotes=upvotes)
    boards.questions_changed(room_id, question.session_id)
    return question


def mark_answered(actor: Actor, question_id: str, is_answered: bool) -> Question:
    """Say whether a question was answered; raises NotFound, Forbidden."""
    return _mark(actor, question_id, lambda _row: {"is_answered": is_answered})


def hide(actor: Actor, question_id: str, is_hidden: bool | None) -> Question:
    """Hide a question or show it again (None: the other way round); raises NotFound, Forbidden."""

    def change(row: QuestionRow) -> dict[str, bool]:
        hidden = not row.is_hidden if is_hidden is None else is_hidden
        return {"is_hidden": hidden} | ({"is_pinned": False} if hidden else {})

    return _mark(actor, question_id, change)


def pin(actor: Actor, question_id: str, is_pinned: bool | None) -> Question:
    """Put a question on the stage in place of another, or take it down (None: the other way round)."""

    def change(row: QuestionRow) -> dict[str, bool]:
        pinned = not row.is_pinned if is_pinned is None else is_pinned
        if pinned:
            _unpin_others(row)
        return {"is_pinned": pinned} | ({"is_hidden": False, "is_approved": True} if pinned else {})

    return _mark(actor, question_id, change)


def approve(actor: Actor, question_id: str) -> Question:
    """Let a question that waits for review be seen; raises NotFound, Forbidden."""
    return _mark(actor, question_id, lambda _row: {"is_approved": True})


def board(session_id: UUID) -> list[Question]:
    """What a session's room is shown: the BOARD_SIZE questions with the most upvotes."""
    return [_view(row) for row in query(_BOARD, (session_id, BOARD_SIZE))]


def pinned_question(session_id: UUID) -> Question | None:
    """The question on the stage, if there is one."""
    rows = query(f"SELECT {_COLUMNS} {_FROM} WHERE q.session_id = %s AND q.is_pinned", (session_id,))
    return _view(rows[0]) if rows else None


def _mark(actor: Actor, question_id: str, change: Callable[[QuestionRow], dict[str, bool]]) -> Question:
    """Change a question as a moderator; those of one session take turns, so that one at most is on the stage."""
    wanted = known_id(question_id, "question")
    with atomic():
        session = _session_of(actor, wanted)
        query("SELECT 1 FROM event_sessions WHERE id = %s FOR NO KEY UPDATE", (session.id,))
        with acting_as_system("a moderator marks a question"):
            row = QuestionRow.select().where(QuestionRow.id == wanted).for_update().get()
            QuestionRow.update(**change(row)).where(QuestionRow.id == wanted).execute()
        boards.questions_changed(session.room_id, session.id)
        return _one(actor, wanted)


def _session_of(actor: Actor, question_id: UUID) -> SessionRef:
    found = QuestionRow.select(QuestionRow.session).where(QuestionRow.id == question_id).first()
    if found is None:
        raise NotFound("No such question.")
    session = visible_session(actor, found.session_id)
    if not standing(actor, session.room_id).keeps_order:
        raise Forbidden("Only moderators may do that.")
    return session


def _unpin_others(row: QuestionRow) -> None:
    QuestionRow.update(is_pinned=False).where(
        QuestionRow.session == row.session_id, QuestionRow.is_pinned, QuestionRow.id != row.id
    ).execute()


def _page(actor: Actor, session: SessionRef, upvotes: int, after: UUID, limit: int) -> list[tuple[Any, ...]]:
    return query(
        _PAGE,
        {
            "session": session.id,
            "user": actor.user_id,
            "moderates": standing(actor, session.room_id).keeps_order,
            "upvotes": upvotes,
            "after": after,
            "limit": limit,
        },
    )


def _batches(session: SessionRef) -> Iterator[Question]:
    """Oldest first, so that upvotes cast meanwhile move nothing."""
    after = UUID(int=0)
    while True:
        rows = query(
            f"SELECT {_COLUMNS} {_FROM} WHERE q.session_id = %s AND q.id > %s ORDER BY q.id LIMIT %s",
            (session.id, after, EXPORT_BATCH),
        )
        yield from map(_view, rows)
        if len(rows) < EXPORT_BATCH:
            return
        after = rows[-1][0]


def _one(actor: Actor, question_id: UUID) -> Question:
    rows = query(
        f"SELECT {_COLUMNS}, {_MINE} {_FROM} WHERE q.id = %(question)s",
        {"user": actor.user_id, "question": question_id},
    )
    return _view(rows[0])


def _view(row: tuple[Any, ...]) -> Question:
    id_, session_id, text, *author, upvotes, answered, hidden, pinned, approved, created_at = row[:13]
    return Question(
        id=id_,
        session_id=session_id,
        text=text,
        author=UserRef(*author) if author[0] is not None else None,
        upvotes=upvotes,
        is_answered=answered,
        is_hidden=hidden,
        is_pinned=pinned,
        is_approved=approved,
        upvoted_by_me=row[13] if len(row) > 13 else UNSET,
        created_at=created_at,
    )
