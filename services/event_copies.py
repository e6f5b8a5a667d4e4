"""An event as the template of another: its plan is copied, nothing that happened in it is."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec

from db.connection import query
from db.models.live_events import LiveEvent
from db.transactions import atomic
from services.actors import Actor
from services.breakout_rooms import RoomDraft, add_breakout_room
from services.event_sessions import EventSessionDraft, add_session
from services.live_events import EventDraft, EventView, Slug, Title, create_event, event, visible_event
from services.organisers import must_organise
from services.polls import PollDraft, add_poll
from services.schedules import Moment
from services.surveys import FieldDraft, FieldType, SurveyDraft, add_survey, fields_of

SUFFIX = " (copy)"


class EventCopyDraft(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What is to be different: a new start moves the whole plan, the rest stays as in the template."""

    title: Title | None = None
    slug: Slug | None = None
    project_id: UUID | None = None
    start_time: Annotated[Moment, msgspec.Meta(description="the sessions move along")] | None = None


def copy_event(actor: Actor, key: str, draft: EventCopyDraft) -> EventView:
    """Make a draft event with the sessions, rooms, polls and surveys of another; raises as `create_event` does."""
    must_organise(actor)
    template = visible_event(actor, key)
    moved = draft.start_time - template.start_time if draft.start_time else timedelta(0)
    with atomic():
        made = create_event(actor, _event_draft(template, draft, moved))
        for room in query(_ROOMS, (template.id,)):
            add_breakout_room(RoomDraft(event_id=made.id, **_named(_ROOM_COLUMNS, room)))
        for session_id, *session in query(_SESSIONS, (template.id,)):
            _copy_session(session_id, made.id, _named(_SESSION_COLUMNS, session), moved)
    return event(actor, str(made.id))


_ROOM_COLUMNS = ("name", "speaker", "topic", "thumbnail", "is_main_stage")
_ROOMS = "SELECT name, speaker, topic, thumbnail, is_main_stage FROM breakout_rooms WHERE event_id = %s ORDER BY id"
_SESSION_COLUMNS = ("title", "description", "speaker", "start_time", "end_time", "reviews_questions")
_SESSIONS = """
SELECT id, title, description, speaker, start_time, end_time, reviews_questions
FROM event_sessions WHERE event_id = %s ORDER BY start_time, id"""
_POLL_COLUMNS = ("question", "is_multiple", "hides_results", "options")
_POLLS = """
SELECT p.question, p.is_multiple, p.hides_results,
       ARRAY(SELECT o.text FROM poll_options o WHERE o.poll_id = p.id ORDER BY o.position)
FROM polls p WHERE p.session_id = %s ORDER BY p.id"""
_SURVEYS = "SELECT id, title FROM surveys WHERE session_id = %s ORDER BY id"


def _event_draft(template: LiveEvent, draft: EventCopyDraft, moved: timedelta) -> EventDraft:
    longest = 140 - len(SUFFIX)
    return EventDraft(
        project_id=draft.project_id or template.project_id,
        title=draft.title or template.title[:longest] + SUFFIX,
        description=template.description,
        slug=draft.slug,
        start_time=template.start_time + moved,
        end_time=template.end_time + moved,
    )


def _copy_session(template_id: UUID, event_id: UUID, columns: dict[str, Any], moved: timedelta) -> None:
    columns["start_time"] += moved
    columns["end_time"] += moved
    session_id = add_session(EventSessionDraft(event_id=event_id, **columns))
    for row in query(_POLLS, (template_id,)):
        add_poll(PollDraft(session_id=session_id, **_named(_POLL_COLUMNS, row)))
    surveys = query(_SURVEYS, (template_id,))
    fields = fields_of([survey_id for survey_id, _ in surveys])
    for survey_id, title in surveys:
        drafts = [
            FieldDraft(
                question=field.question, type=FieldType(field.type), options=field.options, required=field.required
            )
            for field in fields.get(survey_id, [])
        ]
        add_survey(SurveyDraft(session_id=session_id, title=title, fields=drafts))


def _named(names: tuple[str, ...], row: Any) -> dict[str, Any]:
    return dict(zip(names, row, strict=True))
