"""Events, sessions and polls that tests need, with boring defaults."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from db.models.users import User
from services import event_sessions, live_events, polls, projects, surveys
from services.actors import Actor, Role
from services.event_sessions import EventSessionDraft, EventSessionView
from services.ids import new_id
from services.live_events import EventDraft, EventView
from services.polls import Poll, PollDraft
from services.projects import ProjectDraft, Stage
from services.surveys import FieldDraft, FieldType, Survey, SurveyDraft
from tests.factories import actor_of, make_user

START = datetime(2030, 5, 1, 18, tzinfo=UTC)
ORGANISER = Actor(new_id(), Role.ADMIN)


def make_organiser() -> User:
    """Somebody who runs events."""
    return make_user(role=Role.ADMIN)


def make_event(stage: Stage = Stage.LIVE, title: str = "An event", *, on_demand: bool = False) -> EventView:
    """An event in a project of its own; live unless told otherwise."""
    project = projects.create_project(
        ORGANISER, ProjectDraft(name="A project", status=Stage.LIVE, is_on_demand=on_demand)
    )
    draft = EventDraft(
        project_id=project.id, title=title, status=stage, start_time=START, end_time=START + timedelta(hours=3)
    )
    return live_events.create_event(ORGANISER, draft)


def make_session(event: EventView | None = None, *, reviewed: bool = False) -> EventSessionView:
    """A session; of a new live event unless told whose."""
    draft = EventSessionDraft(
        event_id=(event or make_event()).id,
        title="A session",
        speaker="Dr. Speaker",
        start_time=START,
        end_time=START + timedelta(hours=1),
        reviews_questions=reviewed,
    )
    return event_sessions.create_session(ORGANISER, draft)


def make_poll(session_id: UUID, *, is_active: bool = True, **options: bool) -> Poll:
    """A poll with the options a, b and c; open unless told otherwise."""
    draft = PollDraft(session_id=session_id, question="Which?", options=["a", "b", "c"], is_active=is_active, **options)
    return polls.create_poll(actor_of(make_organiser()), draft)


def make_survey(session_id: UUID) -> Survey:
    """A survey with a required rating, a choice, and room for words."""
    fields = [
        FieldDraft(question="How was it?", type=FieldType.RATING, required=True),
        FieldDraft(question="Which one?", type=FieldType.CHOICE, options=["red", "blue"]),
        FieldDraft(question="Anything else?", type=FieldType.TEXT),
    ]
    return surveys.create_survey(ORGANISER, SurveyDraft(session_id=session_id, title="A survey", fields=fields))
