"""What a streamer is told of the broadcast: how it fares, and what to do about it."""

from datetime import timedelta
from uuid import UUID

import pytest

from db.models.streams import Stream
from services import clock, stream_status, transcode_register
from services.actors import Actor, Role
from services.media_facts import MediaFacts, remember_facts
from services.transcode_register import TranscodeStatus
from tests.factories import actor_of, make_channel, make_stream, make_user


@pytest.fixture
def live(_database: None) -> tuple[Actor, UUID]:
    """A streamer on air, and the stream."""
    streamer = make_user(role=Role.STREAMER)
    return actor_of(streamer), make_stream(make_channel(streamer)).id


def test_who_is_not_on_air_is_offline() -> None:
    status = stream_status.stream_status(actor_of(make_user(role=Role.STREAMER)))
    assert (status.is_live, status.health, status.stream_id) == (False, "OFFLINE", None)


def test_nothing_is_known_before_a_picture_was_measured(live: tuple[Actor, UUID]) -> None:
    actor, stream_id = live
    status = stream_status.stream_status(actor)
    assert (status.is_live, status.stream_id, status.health) == (True, stream_id, "DEGRADED")
    assert status.health_reason == "No picture has been measured yet."
    assert status.renditions == ["source"]


def test_nothing_is_on_air_for_less_than_no_time_though_the_clock_went_back(live: tuple[Actor, UUID]) -> None:
    actor, stream_id = live
    Stream.update(started_at=clock.now() + timedelta(hours=1)).where(Stream.id == stream_id).execute()
    assert stream_status.stream_status(actor).uptime_seconds == 0


def test_an_encoder_that_is_away_is_offline_and_expected(live: tuple[Actor, UUID]) -> None:
    actor, stream_id = live
    Stream.update(interrupted_at=clock.now()).where(Stream.id == stream_id).execute()
    status = stream_status.stream_status(actor)
    assert (status.health, status.is_live) == ("OFFLINE", True)
    assert "goes on when it returns" in str(status.health_reason)


def test_what_another_server_receives_is_not_judged(live: tuple[Actor, UUID]) -> None:
    actor, stream_id = live
    Stream.update(media_server="nginx").where(Stream.id == stream_id).execute()
    assert stream_status.stream_status(actor).health == "GOOD"


@pytest.mark.parametrize(
    ("interval_s", "shed", "reason", "says"),
    [
        (2.0, [], "", None),
        (4.0, [], "", None),
        (8.0, [], "", "A keyframe every 8 s is too seldom; set the encoder to 2 s."),
        (2.0, ["720p", "480p"], "too slow", "Renditions left out (720p, 480p): too slow."),
        (2.0, ["720p"], "", "Renditions left out (720p): no room."),
    ],
)
def test_what_is_wrong_is_said_in_words(
    live: tuple[Actor, UUID], interval_s: float, shed: list[str], reason: str, says: str | None
) -> None:
    actor, stream_id = live
    facts = MediaFacts(width=1280, height=720, keyframe_interval_s=interval_s)
    remember_facts(stream_id, facts)
    transcode_register.report(stream_id, TranscodeStatus(rungs=["360p"], shed=shed, reason=reason or None))
    status = stream_status.stream_status(actor)
    assert status.health_reason == says
    assert status.health == ("DEGRADED" if says else "GOOD")
    assert status.renditions == ["source", "360p"]
