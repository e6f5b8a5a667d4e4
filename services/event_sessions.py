"""Sessions of an event: who speaks when, each with a chat room of its own."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from db.connection import query
from db.models.event_sessions import EventSession
from db.models.live_events import LiveEvent
from db.transactions import atomic
from services import rooms
from services.actors import Actor
from services.errors import Conflict, Invalid, NotFound
from services.ids import known_id, new_id
from services.live_events import Title, visible_event
from services.organisers import must_organise
from services.pages import Page, cut, decode_cursor
from services.projects import Description, Stage
from services.schedules import EARLIEST, Moment, check_times

Speaker = Annotated[str, msgspec.Meta(max_length=200)]


class EventSessionDraft(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A session to be; with `reviewsQuestions` a question shows once a moderator approved it."""

    event_id: UUID
    title: Title
    description: Description = ""
    speaker: Speaker = ""
    start_time: Moment
    end_time: Moment
    reviews_questions: bool = False


class EventSessionPatch(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A change: what is left out stays."""

    title: Title | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    speaker: Speaker | UnsetType = UNSET
    start_time: Moment | UnsetType = UNSET
    end_time: Moment | UnsetType = UNSET
    reviews_questions: bool | UnsetType = UNSET


class EventSessionView(msgspec.Struct, frozen=True, rename="camel"):
    """A session; `room` is the name under which its chat is joined."""

    id: UUID
    event_id: UUID
    title: str
    description: str
    speaker: str
    start_time: datetime
    end_time: datetime
    reviews_questions: bool
    room: str
    created_at: datetime
    updated_at: datetime


class SessionRef(msgspec.Struct, frozen=True):
    """A session that somebody may know of, as the rules about it need it."""

    id: UUID
    event_id: UUID
    room_id: UUID
    stage: Stage
    reviews_questions: bool

    def must_run(self) -> None:
        """Let through what belongs to an event that has not ended; raises Conflict."""
        if self.stage is Stage.ENDED:
            raise Conflict("The event has ended.", "event_ended")


_SELECT = """
SELECT s.id, s.event_id, s.title, s.description, s.speaker, s.start_time, s.end_time, s.reviews_questions,
       'session:' || s.id, s.created_at, s.updated_at
FROM event_sessions s """
_REF = """
SELECT s.id, s.event_id, s.room_id, e.status, s.reviews_questions
FROM event_sessions s JOIN events e ON e.id = s.event_id
WHERE s.id = %s AND (e.status <> 'DRAFT' OR %s)"""


def sessions_of(actor: Actor, event_key: str, limit: int, cursor: str | None) -> Page[EventSessionView]:
    """The sessions of an event, in the order in which they begin; raises NotFound."""
    event = visible_event(actor, event_key)
    after, after_id = decode_cursor(cursor, tuple[datetime, UUID]) if cursor else (EARLIEST, UUID(int=0))
    sql = (
        _SELECT
        + "WHERE s.event_id = %s AND (s.start_time, s.id) > (%s, %s) ORDER BY s.event_id, s.start_time, s.id LIMIT %s"
    )
    rows = query(sql, (event.id, after, after_id, limit + 1))
    return cut(rows, limit, lambda row: EventSessionView(*row), lambda row: (row[5], row[0]))


def visible_session(actor: Actor, session_id: str | UUID) -> SessionRef:
    """A session of an event that the actor may know of; raises NotFound."""
    rows = query(_REF, (known_id(str(session_id), "session"), actor.is_admin))
    if not rows:
        raise NotFound("No such session.")
    id_, event_id, room_id, stage, reviews = rows[0]
    return SessionRef(id_, event_id, room_id, Stage(stage), reviews)


def create_session(actor: Actor, draft: EventSessionDraft) -> EventSessionView:
    """Add a session and its chat room to an event; raises Forbidden, Invalid."""
    must_organise(actor)
    check_times(draft.start_time, draft.end_time)
    check_event(draft.event_id)
    with atomic():
        session_id = add_session(draft)
    return _one(session_id)


def add_session(draft: EventSessionDraft) -> UUID:
    """Store a session with a new chat room, in the caller's transaction."""
    session_id = new_id()
    room_id = rooms.create_room("SESSION", None)
    EventSession.create(id=session_id, room_id=room_id, **_columns(draft))
    return session_id


def edit_session(actor: Actor, session_id: UUID, patch: EventSessionPatch) -> EventSessionView:
    """Change a session; raises Forbidden, NotFound, Invalid."""
    must_organise(actor)
    with atomic():
        row = _locked(session_id)
        columns = _columns(patch)
        check_times(columns.get("start_time", row.start_time), columns.get("end_time", row.end_time))
        if columns:
            EventSession.update(**columns).where(EventSession.id == session_id).execute()
    return _one(session_id)


def delete_session(actor: Actor, session_id: UUID) -> None:
    """Remove a session with its chat, questions, polls and surveys; raises Forbidden, NotFound."""
    must_organise(actor)
    with atomic():
        row = _locked(session_id)
        EventSession.delete().where(EventSession.id == session_id).execute()
        rooms.remove_rooms([row.room_id])


def check_event(event_id: UUID) -> None:
    """See that there is such an event; raises Invalid."""
    if not LiveEvent.select(LiveEvent.id).where(LiveEvent.id == event_id).exists():
        raise Invalid.field("eventId", "names no event", "event_not_found")


def _locked(session_id: UUID) -> EventSession:
    row = EventSession.select().where(EventSession.id == session_id).for_update().first()
    if row is None:
        raise NotFound("No such session.")
    return row


def _columns(given: EventSessionDraft | EventSessionPatch) -> dict[str, Any]:
    columns = {name: value for name, value in msgspec.structs.asdict(given).items() if value is not UNSET}
    if "event_id" in columns:
        columns["event"] = columns.pop("event_id")
    return columns


def _one(session_id: UUID) -> EventSessionView:
    return EventSessionView(*query(_SELECT + "WHERE s.id = %s", (session_id,))[0])
