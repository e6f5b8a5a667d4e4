"""Votes, upvotes and responses under concurrency: exactly one a person, and nothing lost."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from db.connection import connection, query
from services import polls, questions, surveys
from services.errors import ServiceError
from services.questions import NewQuestion
from services.survey_answers import Answer
from services.surveys import SurveyResponseDraft
from settings import Settings
from tests.factories import actor_of, make_user
from tests.live_events import make_organiser, make_poll, make_session, make_survey
from tests.statements import statements

PEOPLE, TRIES, THREADS = 12, 4, 16
T = TypeVar("T")


def outcomes(tries: Sequence[Callable[[], object]]) -> Counter[str]:
    """Run everything at once; counts `ok` and the codes of refusals."""

    def tried(work: Callable[[], object]) -> str:
        try:
            with connection():
                work()
        except ServiceError as error:
            return error.code
        return "ok"

    with ThreadPoolExecutor(THREADS) as pool:
        return Counter(pool.map(tried, tries))


def test_one_vote_a_person_however_often_they_try_at_once(committed_db: Settings) -> None:
    poll = make_poll(make_session().id)
    people = [actor_of(make_user()) for _ in range(PEOPLE)]
    tries = [partial(polls.vote, who, poll.id, [poll.options[n % 3].id]) for n in range(TRIES) for who in people]
    assert outcomes(tries) == {"ok": PEOPLE, "already_voted": PEOPLE * (TRIES - 1)}
    shown = polls.public_poll(poll.id)
    assert shown is not None
    assert (shown.total_votes, sum(option.votes or 0 for option in shown.options)) == (PEOPLE, PEOPLE)


def test_a_poll_that_is_closed_meanwhile_counts_exactly_the_votes_that_it_accepted(committed_db: Settings) -> None:
    poll = make_poll(make_session().id)
    organiser = actor_of(make_organiser())
    people = [actor_of(make_user()) for _ in range(30)]
    tries: list[Callable[[], object]] = [partial(polls.vote, who, poll.id, [poll.options[0].id]) for who in people]
    tries.insert(15, lambda: polls.activate(organiser, str(poll.id), False))
    found = outcomes(tries)
    assert found["ok"] + found["poll_inactive"] == 31
    [(votes,)] = query("SELECT count(*) FROM poll_votes")
    assert votes == found["ok"] - 1


def test_one_poll_is_open_however_many_are_opened_at_once(committed_db: Settings) -> None:
    session, organiser = make_session(), actor_of(make_organiser())
    made = [make_poll(session.id, is_active=False) for _ in range(8)]
    tries = [partial(polls.activate, organiser, str(poll.id), True) for poll in made]
    assert outcomes(tries) == {"ok": 8}
    assert query("SELECT count(*) FROM polls WHERE status = 'OPEN'") == [(1,)]
    assert query("SELECT count(*) FROM polls WHERE status = 'CLOSED'") == [(7,)]


def test_the_counter_of_upvotes_is_the_number_of_upvotes(committed_db: Settings) -> None:
    session = make_session()
    people = [actor_of(make_user()) for _ in range(PEOPLE)]
    question = questions.ask(people[0], NewQuestion(session_id=session.id, text="Why?"))
    tries = [partial(questions.upvote, who, str(question.id)) for _ in range(TRIES) for who in people]
    assert outcomes(tries) == {"ok": PEOPLE, "already_upvoted": PEOPLE * (TRIES - 1)}
    assert query("SELECT upvotes, (SELECT count(*) FROM question_upvotes) FROM questions") == [(PEOPLE, PEOPLE)]


def test_one_question_is_on_the_stage_however_many_are_put_there_at_once(committed_db: Settings) -> None:
    session, organiser = make_session(), actor_of(make_organiser())
    asked = [questions.ask(organiser, NewQuestion(session_id=session.id, text=f"{n}?")) for n in range(8)]
    tries = [partial(questions.pin, organiser, str(one.id), True) for one in asked]
    assert outcomes(tries) == {"ok": 8}
    assert query("SELECT count(*) FROM questions WHERE is_pinned") == [(1,)]


def test_one_response_a_person(committed_db: Settings) -> None:
    survey = make_survey(make_session().id)
    who = actor_of(make_user())
    draft = SurveyResponseDraft(survey_id=survey.id, responses=[Answer(field_id=survey.fields[0].id, value=5)])
    assert outcomes([lambda: surveys.respond(who, draft)] * 8) == {"ok": 1, "already_responded": 7}


def test_an_upvote_is_one_round_trip() -> None:
    session, who = make_session(), actor_of(make_user())
    question = questions.ask(who, NewQuestion(session_id=session.id, text="Why?"))
    with statements() as sent:
        assert questions.upvote(who, str(question.id)).upvotes == 1
    assert len(sent) == 1


def test_the_database_itself_refuses_an_option_of_another_poll() -> None:
    mine, other = make_poll(make_session().id), make_poll(make_session().id)
    who = make_user()
    [(outcome,)] = query("SELECT cast_vote(%s, %s, %s::uuid[])", (mine.id, who.id, [other.options[0].id]))
    assert outcome == "option_not_in_poll"
