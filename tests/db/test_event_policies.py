"""What the database itself allows an audience: nobody votes, asks or responds for another."""

from uuid import UUID

import peewee
import pytest

from db.connection import acting_as, query
from services import channels, questions
from services.ids import new_id
from services.projects import Stage
from services.questions import NewQuestion
from settings import Settings
from tests.factories import actor_of, make_user
from tests.live_events import ORGANISER, make_event, make_poll, make_session, make_survey

ASK = "INSERT INTO questions (id, session_id, author_id, text) VALUES (%s, %s, %s, 'Why?') RETURNING 1"
SAY = """SELECT * FROM post_new_messages(
    ARRAY[%s]::uuid[], ARRAY[%s]::uuid[], ARRAY[1], ARRAY[%s]::uuid[], ARRAY['Hi'], NULL, NULL)"""
RESPOND = "INSERT INTO survey_responses (id, survey_id, user_id, answers) VALUES (%s, %s, %s, '{}') RETURNING 1"

pytestmark = pytest.mark.usefixtures("committed_db")


def refused(who: UUID, sql: str, *parameters: object) -> bool:
    """Whether the database refuses a statement of this person."""
    with acting_as(str(who), "viewer"):
        try:
            query(sql, parameters)
        except peewee.ProgrammingError as error:
            known = ("row-level security", "permission denied", "own name", "where one may be")
            assert any(reason in str(error) for reason in known)
            return True
    return False


def test_one_asks_and_responds_in_one_s_own_name() -> None:
    session, me, other = make_session(), make_user().id, make_user().id
    survey = make_survey(session.id)
    assert refused(me, ASK, new_id(), session.id, other)
    assert refused(me, RESPOND, new_id(), survey.id, other)
    assert not refused(me, ASK, new_id(), session.id, me)
    assert not refused(me, RESPOND, new_id(), survey.id, me)


def test_one_votes_and_upvotes_in_one_s_own_name_and_by_the_functions_alone() -> None:
    session, me, other = make_session(), make_user(), make_user().id
    question = questions.ask(actor_of(me), NewQuestion(session_id=session.id, text="Why?"))
    poll = make_poll(session.id)
    option = poll.options[0].id
    assert refused(me.id, "SELECT increment_upvotes(%s, %s)", question.id, other)
    assert refused(me.id, "SELECT cast_vote(%s, %s, %s::uuid[])", poll.id, other, [option])
    assert refused(me.id, "INSERT INTO poll_votes (poll_id, user_id) VALUES (%s, %s)", poll.id, me.id)
    assert refused(me.id, "UPDATE questions SET upvotes = 99 WHERE id = %s", question.id)
    assert not refused(me.id, "SELECT increment_upvotes(%s)", question.id)
    assert not refused(me.id, "SELECT cast_vote(%s, %s, %s::uuid[])", poll.id, me.id, [option])
    assert query("SELECT user_id FROM question_upvotes") == [(me.id,)]


def test_questions_of_a_draft_are_read_by_organisers_alone(committed_db: Settings) -> None:
    session, me = make_session(make_event(Stage.DRAFT)), make_user().id
    query(ASK, (new_id(), session.id, None))
    counted = "SELECT count(*) FROM questions"
    with acting_as(str(me), "viewer"):
        assert query(counted) == [(0,)]
    with acting_as(str(ORGANISER.user_id), "admin"):
        assert query(counted) == [(1,)]


@pytest.mark.parametrize(("stage", "is_refused"), [(Stage.DRAFT, True), (Stage.LIVE, False)])
def test_in_the_rooms_of_a_draft_nothing_is_said_whatever_their_kind(stage: Stage, is_refused: bool) -> None:
    event, me = make_event(stage), make_user().id
    make_session(event), channels.event_channel(event.id, "Main stage")
    rooms = query("SELECT room_id FROM event_rooms WHERE event_id = %s", (event.id,))
    assert len(rooms) == 2
    for (room_id,) in rooms:
        assert refused(me, SAY, new_id(), room_id, me) is is_refused
