"""Redis away: what it only makes quicker or nicer is done without, and nobody is told of an error."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from db.connection import query
from services import (
    boards,
    heartbeats,
    job_metrics,
    lounges,
    queues,
    throttle,
    transcode_register,
    watching,
)
from services.actors import Role
from services.bus import bus
from services.heartbeats import Heartbeat
from services.ids import new_id
from services.lounges import LoungeDraft
from services.redis_line import Gate, open_redis
from tests.factories import actor_of, make_stream, make_user

ONE = "1/minute"


@pytest.fixture
def away(_database: None, tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Take Redis away, until the test is over."""
    before = bus.redis

    def take_away() -> None:
        bus.redis = open_redis(f"unix://{tmp_path}/nobody", Gate())

    yield take_away
    bus.redis = before


def test_what_is_only_counted_or_shown_is_done_without(away: Callable[[], None]) -> None:
    user, category, stream_id = make_user(), new_id(), new_id()
    job_metrics.record("mail.send", "done", 0.2)
    watching.note_watched(user.id, category)
    transcode_register.expect(stream_id)
    away()
    watching.note_watched(user.id, category)
    job_metrics.record("mail.send", "done", 0.2)
    assert watching.liked_categories(user.id, 3) == {}
    assert job_metrics.totals() == []
    assert job_metrics.drift() is None
    assert queues.depths() == {}
    assert queues.held_jobs() is None
    assert transcode_register.transcode_statuses() == {}


def test_nothing_is_throttled(away: Callable[[], None]) -> None:
    assert throttle.hit(ONE, "x").allowed
    assert not throttle.hit(ONE, "x").allowed
    away()
    assert [throttle.hit(ONE, "x").allowed for _ in range(3)] == [True] * 3
    throttle.clear(ONE, "x")
    verdict = throttle.peek(ONE, "x")
    assert (verdict.remaining, verdict.reset_s) == (1, 0), "and nobody is told to wait"


def test_a_lounge_is_shown_without_who_is_there(away: Callable[[], None]) -> None:
    owner = actor_of(make_user(role=Role.STREAMER))
    made = lounges.create_lounge(owner, LoungeDraft(name="Night owls"))
    away()
    assert lounges.lounge(owner, str(made.id)).members_online == []


def test_a_sign_of_life_counts_nobody_and_is_no_error(away: Callable[[], None]) -> None:
    stream = make_stream()
    viewer = actor_of(make_user())
    beat = partial(heartbeats.beat, viewer, stream.id, Heartbeat(), "203.0.113.5")
    assert beat().viewer_count == 1
    away()
    assert beat().viewer_count == 0


def test_what_changed_on_a_board_waits_in_the_outbox(away: Callable[[], None]) -> None:
    room_id, session_id = new_id(), new_id()
    away()
    boards.questions_changed(room_id, session_id)
    assert query("SELECT count(*) FROM outbox") == [(1,)]
