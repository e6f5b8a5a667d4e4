"""Polls of a session: made, opened one at a time, voted on once, closed."""

from collections.abc import Callable, Iterator
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from db.connection import query
from db.models.polls import Poll as PollRow
from db.models.polls import PollOption
from db.transactions import atomic
from services import boards, chat_rules
from services.actors import Actor
from services.errors import Conflict, Invalid, NotFound, ServiceError
from services.event_sessions import SessionRef, visible_session
from services.ids import known_id, new_id
from services.organisers import must_organise
from services.pages import Page, cut, decode_cursor
from services.standing import ban_in_force, standing

OptionText = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class PollStatus(StrEnum):
    """A draft is seen by organisers alone; at most one poll of a session is open."""

    DRAFT = "DRAFT"
    OPEN = "OPEN"
    CLOSED = "CLOSED"


class PollDraft(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A poll to be. With `hidesResults` an attendee sees the counts after voting, or when it closed."""

    session_id: UUID
    question: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
    options: Annotated[list[OptionText], msgspec.Meta(min_length=2, max_length=10)]
    is_active: bool = False
    is_multiple: bool = False
    hides_results: bool = False


class Option(msgspec.Struct, frozen=True):
    """What can be chosen; `votes` is null while the results are hidden from the reader."""

    id: UUID
    text: str
    votes: int | None


class Poll(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A poll; `totalVotes` counts people. `myVote` is the option that the reader chose (`myVotes`: all of them).

    Where nobody in particular reads, both are left out.
    """

    id: UUID
    session_id: UUID
    question: str
    status: PollStatus
    is_active: bool
    is_multiple: bool
    hides_results: bool
    options: list[Option]
    total_votes: int
    my_vote: UUID | UnsetType | None = UNSET
    my_votes: list[UUID] | UnsetType = UNSET
    created_at: datetime

    def without_results(self) -> "Poll":
        """The poll as somebody sees it who may not know how the others voted."""
        return msgspec.structs.replace(self, options=[Option(each.id, each.text, None) for each in self.options])


_SELECT = """
SELECT p.id, p.session_id, p.question, p.status, p.is_multiple, p.hides_results, p.created_at,
       count_voters(p.id),
       ARRAY(SELECT o.id FROM poll_vote_options v JOIN poll_options o ON o.id = v.option_id
             WHERE v.poll_id = p.id AND v.user_id = %(user)s ORDER BY o.position)
FROM polls p """
_OPTIONS = """
SELECT o.poll_id, o.id, o.text, count_votes(o.poll_id, o.id)
FROM poll_options o WHERE o.poll_id = ANY (%s::uuid[]) ORDER BY o.poll_id, o.position"""
_VOTE = f"""
WITH ban AS MATERIALIZED ({ban_in_force("%(user)s", "%(room)s")})
SELECT CASE WHEN EXISTS (SELECT FROM ban) THEN 'banned' ELSE cast_vote(%(poll)s, %(user)s, %(options)s::uuid[]) END,
       (SELECT until FROM ban)"""  # noqa: S608 - of constants


def polls_of(actor: Actor, session_id: str, limit: int, cursor: str | None) -> Page[Poll]:
    """A session's polls, newest first; raises NotFound."""
    session = visible_session(actor, session_id)
    before = decode_cursor(cursor, tuple[UUID])[0] if cursor else UUID(int=2**128 - 1)
    sees_all = _organises(actor, session)
    rows = query(
        _SELECT
        + """WHERE p.session_id = %(session)s AND p.id < %(before)s AND (p.status <> 'DRAFT' OR %(sees_all)s)
             ORDER BY p.id DESC LIMIT %(limit)s""",
        {"user": actor.user_id, "session": session.id, "before": before, "sees_all": sees_all, "limit": limit + 1},
    )
    shown = {poll.id: poll for poll in _views(rows, sees_all)}
    return cut(rows, limit, lambda row: shown[row[0]], lambda row: (row[0],))


def active_poll(actor: Actor, session_id: str) -> Poll | None:
    """A session's open poll, if there is one; raises NotFound."""
    session = visible_session(actor, session_id)
    rows = query(
        _SELECT + "WHERE p.session_id = %(session)s AND p.status = 'OPEN'",
        {"user": actor.user_id, "session": session.id},
    )
    return _views(rows, _organises(actor, session))[0] if rows else None


def all_polls(actor: Actor, session_id: str) -> Iterator[Poll]:
    """Every poll of a session with its results, for organisers; raises Forbidden, NotFound at once."""
    must_organise(actor)
    session = visible_session(actor, session_id)
    rows = query(_SELECT + "WHERE p.session_id = %(session)s ORDER BY p.id", {"user": None, "session": session.id})
    return iter(_views(rows, True))


def create_poll(actor: Actor, draft: PollDraft) -> Poll:
    """Make a poll, open at once where it `isActive`; raises Forbidden, NotFound, Invalid."""
    must_organise(actor)
    session = visible_session(actor, draft.session_id)
    if len({text.casefold() for text in draft.options}) < len(draft.options):
        raise Invalid.field("options", "must differ from one another", "options_repeat")
    with atomic():
        poll_id = add_poll(draft)
        if draft.is_active:
            _open(session, poll_id)
    return _one(actor, session, poll_id)


def add_poll(draft: PollDraft) -> UUID:
    """Store a poll as a draft, in the caller's transaction."""
    poll_id = new_id()
    PollRow.create(
        id=poll_id,
        session=draft.session_id,
        question=draft.question,
        status=PollStatus.DRAFT.value,
        is_multiple=draft.is_multiple,
        hides_results=draft.hides_results,
    )
    options = [(new_id(), poll_id, number, text) for number, text in enumerate(draft.options, 1)]
    PollOption.insert_many(options, [PollOption.id, PollOption.poll, PollOption.position, PollOption.text]).execute()
    return poll_id


def activate(actor: Actor, poll_id: str, is_active: bool | None) -> Poll:
    """Open a poll and close the one that was open, or close it (None: the other way round).

    Raises Forbidden, NotFound, Conflict where the event has ended.
    """
    must_organise(actor)
    row, session = _found(actor, known_id(poll_id, "poll"))
    with atomic():
        _lock(session)
        status = PollRow.select(PollRow.status).where(PollRow.id == row.id).get().status
        is_open = status == PollStatus.OPEN.value
        wanted = not is_open if is_active is None else is_active
        if wanted and not is_open:
            _open(session, row.id)
        elif is_open and not wanted:
            _close(session, [row.id])
    return _one(actor, session, row.id)


def vote(actor: Actor, poll_id: str | UUID, option_ids: list[UUID]) -> Poll:
    """Vote, once.

    Raises NotFound, Conflict (already_voted, poll_inactive), Invalid (option_not_in_poll), Forbidden (banned).
    """
    row, session = _found(actor, known_id(str(poll_id), "poll"))
    chosen = list(dict.fromkeys(option_ids))
    if not chosen:
        raise Invalid.field("optionId", "is required", "option_required")
    wish = {"poll": row.id, "user": actor.user_id, "options": chosen, "room": session.room_id}
    [(outcome, until)] = query(_VOTE, wish)
    if outcome == "banned":
        raise chat_rules.banned(until, "vote")
    if outcome != "voted":
        raise _REFUSALS[outcome]()
    boards.poll_changed(session.room_id, session.id, row.id)
    return _one(actor, session, row.id)


def public_poll(poll_id: UUID) -> Poll | None:
    """A poll with its counts, as nobody in particular sees it; None where it is gone."""
    rows = query(_SELECT + "WHERE p.id = %(poll)s", {"user": None, "poll": poll_id})
    if not rows:
        return None
    return msgspec.structs.replace(_views(rows, True)[0], my_vote=UNSET, my_votes=UNSET)


def voters_among(poll_id: UUID, user_ids: list[UUID]) -> set[UUID]:
    """Who of these people has voted, or may see all results anyway."""
    rows = query(
        """SELECT user_id FROM poll_votes WHERE poll_id = %s AND user_id = ANY (%s::uuid[])
           UNION SELECT id FROM users WHERE role = 'admin' AND id = ANY (%s::uuid[])""",
        (poll_id, user_ids, user_ids),
    )
    return {row[0] for row in rows}


def close_polls(event_id: UUID) -> None:
    """Close every poll of an event that is open, in the caller's transaction."""
    rows = query(
        """SELECT p.id, s.id, s.room_id FROM polls p JOIN event_sessions s ON s.id = p.session_id
           WHERE s.event_id = %s AND p.status = 'OPEN' ORDER BY s.id""",
        (event_id,),
    )
    for poll_id, session_id, room_id in rows:
        PollRow.update(status=PollStatus.CLOSED.value).where(PollRow.id == poll_id).execute()
        boards.poll_changed(room_id, session_id, poll_id)


_REFUSALS: dict[str, Callable[[], ServiceError]] = {
    "inactive": lambda: Conflict("This poll is not open.", "poll_inactive"),
    "already_voted": lambda: Conflict("You have voted already.", "already_voted"),
    "one_option": lambda: Invalid.field("optionIds", "must name one option only", "one_option"),
    "option_not_in_poll": lambda: Invalid.field("optionId", "is no option of this poll", "option_not_in_poll"),
}


def _open(session: SessionRef, poll_id: UUID) -> None:
    session.must_run()
    _lock(session)
    others = PollRow.select(PollRow.id).where(PollRow.session == session.id, PollRow.status == PollStatus.OPEN.value)
    _close(session, [row.id for row in others])
    PollRow.update(status=PollStatus.OPEN.value).where(PollRow.id == poll_id).execute()
    boards.poll_changed(session.room_id, session.id, poll_id)


def _close(session: SessionRef, poll_ids: list[UUID]) -> None:
    for poll_id in poll_ids:
        PollRow.update(status=PollStatus.CLOSED.value).where(PollRow.id == poll_id).execute()
        boards.poll_changed(session.room_id, session.id, poll_id)


def _lock(session: SessionRef) -> None:
    """Let those who open and close polls of a session take turns."""
    query("SELECT 1 FROM event_sessions WHERE id = %s FOR NO KEY UPDATE", (session.id,))


def _organises(actor: Actor, session: SessionRef) -> bool:
    return actor.is_admin or standing(actor, session.room_id).keeps_order


def _found(actor: Actor, poll_id: UUID) -> tuple[PollRow, SessionRef]:
    row = PollRow.get_or_none(PollRow.id == poll_id)
    if row is None:
        raise NotFound("No such poll.")
    return row, visible_session(actor, row.session_id)


def _one(actor: Actor, session: SessionRef, poll_id: UUID) -> Poll:
    rows = query(_SELECT + "WHERE p.id = %(poll)s", {"user": actor.user_id, "poll": poll_id})
    return _views(rows, _organises(actor, session))[0]


def _views(rows: list[tuple[Any, ...]], sees_all: bool) -> list[Poll]:
    options: dict[UUID, list[Option]] = {}
    for poll_id, *option in query(_OPTIONS, ([row[0] for row in rows],)) if rows else ():
        options.setdefault(poll_id, []).append(Option(*option))
    return [_view(row, options.get(row[0], []), sees_all) for row in rows]


def _view(row: tuple[Any, ...], options: list[Option], sees_all: bool) -> Poll:
    id_, session_id, question, status, is_multiple, hides_results, created_at, voters, chosen = row
    poll = Poll(
        id=id_,
        session_id=session_id,
        question=question,
        status=PollStatus(status),
        is_active=status == PollStatus.OPEN.value,
        is_multiple=is_multiple,
        hides_results=hides_results,
        options=options,
        total_votes=voters,
        my_vote=chosen[0] if chosen else None,
        my_votes=chosen,
        created_at=created_at,
    )
    is_hidden = hides_results and status != PollStatus.CLOSED.value and not chosen and not sees_all
    return poll.without_results() if is_hidden else poll
