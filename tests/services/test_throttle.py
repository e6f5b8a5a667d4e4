"""Windows that move: what is allowed, what is left, and when there is room again."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
import redis

from services import throttle
from services.bus import bus
from tests.fakes import FakeJobs

pytestmark = pytest.mark.usefixtures("jobs")


@pytest.fixture
def who(redis_client: redis.Redis, jobs: FakeJobs) -> Iterator[str]:
    """Somebody who was never counted."""
    yield str(uuid4())


def test_as_many_as_the_limit_are_allowed_and_no_more(who: str) -> None:
    seen = [throttle.hit("3/minute", "act", who) for _ in range(5)]
    assert [verdict.allowed for verdict in seen] == [True, True, True, False, False]
    assert [verdict.remaining for verdict in seen] == [2, 1, 0, 0, 0]
    assert all(59 <= verdict.reset_s <= 60 and verdict.limit == 3 for verdict in seen)


def test_what_was_refused_is_not_counted_and_looking_counts_nothing(who: str) -> None:
    assert throttle.peek("1/minute", "act", who).remaining == 1
    assert throttle.hit("1/minute", "act", who).allowed
    assert not throttle.peek("1/minute", "act", who).allowed
    throttle.hit("1/minute", "act", who)
    throttle.clear("1/minute", "act", who)
    assert throttle.hit("1/minute", "act", who).allowed


def test_callers_acts_and_limits_are_counted_apart(who: str) -> None:
    assert throttle.hit("1/minute", "act", who).allowed
    assert throttle.hit("1/minute", "act", who + "0").allowed
    assert throttle.hit("1/minute", "other", who).allowed
    assert throttle.hit("1/hour", "act", who).allowed


def test_the_window_moves_with_each_that_grows_too_old(who: str) -> None:
    for _ in range(2):
        throttle.hit("2/minute", "act", who)
    (key,) = bus.redis.keys(f"throttle:*{who}")
    oldest = int(bus.redis.lindex(key, -1) or 0)
    bus.redis.lset(key, -1, str(oldest - 61_000))
    assert [throttle.hit("2/minute", "act", who).allowed for _ in range(2)] == [True, False]
    assert 0 < bus.redis.pttl(key) <= 60_000


def test_what_was_counted_before_the_clock_went_back_keeps_nobody_out(who: str) -> None:
    throttle.hit("2/minute", "act", who)
    throttle.hit("2/minute", "act", who)
    (key,) = bus.redis.keys(f"throttle:*{who}")
    for place, counted_at in enumerate(bus.redis.lrange(key, 0, -1)):
        bus.redis.lset(key, place, str(int(counted_at) + 3_600_000))
    assert [throttle.hit("2/minute", "act", who).allowed for _ in range(3)] == [True, True, False]


def test_a_key_goes_with_its_window(who: str) -> None:
    throttle.hit("5/minute", "act", who)
    (key,) = bus.redis.keys(f"throttle:*{who}")
    assert 59_000 <= bus.redis.pttl(key) <= 60_000
