"""What a limit says of the next try, where Redis has forgotten our script or is away."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from services import throttle
from services.bus import bus
from services.ids import new_id


@pytest.fixture
def away(_database: None, tmp_path: Path) -> Iterator[None]:
    """Redis cannot be reached, until the test is over."""
    before = bus.redis
    bus.redis = redis.Redis(unix_socket_path=str(tmp_path / "nobody"))
    yield
    bus.redis = before


def test_a_redis_that_does_not_know_the_script_is_told_it_and_counts_on(monkeypatch: pytest.MonkeyPatch) -> None:
    who = str(new_id())
    assert throttle.hit("3/minute", "act", who).remaining == 2
    monkeypatch.setattr(throttle, "_DIGEST", b"0" * 40)
    for left in (1, 0):
        verdict = throttle.hit("3/minute", "act", who)
        assert (verdict.allowed, verdict.limit, verdict.remaining) == (True, 3, left)
    assert not throttle.peek("3/minute", "act", who).allowed


def test_where_redis_is_away_everything_is_allowed_and_nobody_is_told_to_wait(away: None) -> None:
    for ask in (throttle.hit, throttle.peek):
        verdict = ask("2/minute", "act", "somebody")
        assert (verdict.allowed, verdict.limit, verdict.remaining, verdict.reset_s) == (True, 2, 2, 0)
