"""A question to Redis on the thread's own line, answered later: each answer belongs to its own question."""

import pytest
import redis

from services.bus import bus
from services.direct_line import ask, begin
from tests.fakes import FakeJobs

pytestmark = pytest.mark.usefixtures("jobs", "redis_client")


def _line() -> str:
    """Redis' number for this thread's line."""
    return str(ask(bus.redis, "CLIENT", "ID"))


def test_an_answer_may_be_asked_for_later_and_again(jobs: FakeJobs) -> None:
    question = begin(bus.redis, "ECHO", "one")
    assert (question.answer(), question.answer()) == (b"one", b"one")


def test_what_nobody_waited_for_is_not_the_answer_to_the_next(jobs: FakeJobs) -> None:
    first = begin(bus.redis, "ECHO", "one")
    second = begin(bus.redis, "ECHO", "two")
    assert ask(bus.redis, "ECHO", "three") == b"three"
    assert (second.answer(), first.answer()) == (b"two", b"one")


def test_a_refusal_is_told_to_who_asked_and_the_line_stays(jobs: FakeJobs) -> None:
    before = _line()
    refused = begin(bus.redis, "INCR", "direct-line", "too many words")
    assert ask(bus.redis, "ECHO", "next") == b"next"
    for _ in range(2):
        with pytest.raises(redis.ResponseError, match="wrong number"):
            refused.answer()
    assert _line() == before


def test_a_line_that_is_cut_between_question_and_answer_is_made_anew(redis_client: redis.Redis, jobs: FakeJobs) -> None:
    cut = _line()
    # It is killed before the question is read: what was in flight is asked once more, on another line.
    assert redis_client.execute_command("CLIENT", "KILL", "ID", cut) == 1
    question = begin(bus.redis, "ECHO", "again")
    assert question.answer() == b"again"
    assert _line() != cut


def test_who_never_had_a_line_asks_when_they_wait(jobs: FakeJobs) -> None:
    other = redis.Redis.from_url(bus.settings.redis_url)
    question = begin(other, "ECHO", "new")
    assert question.answer() == b"new"
    assert ask(bus.redis, "ECHO", "old") == b"old"
