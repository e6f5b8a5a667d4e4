"""A broadcast's life, as the ingest drives it."""

from datetime import timedelta
from typing import Any

import pytest

from db.models.streams import IngestSession, Stream
from db.models.users import User
from services import broadcasts, channels, clock
from services.actors import Role
from services.broadcasts import Grant
from services.bus import bus
from services.errors import Conflict, Forbidden
from services.media_facts import MediaFacts
from tests.factories import actor_of, make_user
from tests.fakes import FakeJobs

HERE: dict[str, Any] = {"server": "one", "remote_address": "127.0.0.1"}


def granted(user: User | None = None) -> Grant:
    user = user or make_user(role=Role.STREAMER)
    return broadcasts.authorize(channels.stream_key(actor_of(user)).stream_key, **HERE)


def test_a_wrong_key_and_a_suspended_account_are_refused_by_name() -> None:
    with pytest.raises(Forbidden) as wrong:
        broadcasts.authorize("live_nonsense", **HERE)
    assert wrong.value.code == "bad_stream_key"
    user = make_user(role=Role.STREAMER)
    key = channels.stream_key(actor_of(user)).stream_key
    user.suspended_at = clock.now()
    user.save()
    with pytest.raises(Forbidden) as suspended:
        broadcasts.authorize(key, **HERE)
    assert suspended.value.code == "account_suspended"


def test_one_publisher_holds_a_channel_over_all_servers() -> None:
    grant = granted()
    broadcasts.claim(grant, server="one", publisher="a")
    with pytest.raises(Conflict):
        broadcasts.claim(grant, server="two", publisher="b")
    assert broadcasts.renew(grant.channel_id, server="one", publisher="a")
    broadcasts.release(grant.channel_id, server="one", publisher="a")
    broadcasts.claim(grant, server="two", publisher="b")
    assert not broadcasts.renew(grant.channel_id, server="one", publisher="a")


def test_coming_back_continues_the_stream_and_tells_followers_once(jobs: FakeJobs) -> None:
    grant = granted()
    first = broadcasts.go_live(grant, MediaFacts(), **HERE)
    broadcasts.interrupt(first.id)
    assert Stream.get_by_id(first.id).interrupted_at is not None
    second = broadcasts.go_live(grant, MediaFacts(), **HERE)
    assert second.id == first.id
    assert Stream.get_by_id(first.id).interrupted_at is None
    assert len(jobs.named("notifications.followers")) == 1
    assert len(jobs.named("media.transcode_live")) == 2


def test_an_ended_stream_stays_ended_and_the_next_publish_makes_another(jobs: FakeJobs) -> None:
    grant = granted()
    first = broadcasts.go_live(grant, MediaFacts(), **HERE)
    broadcasts.end(first.id, "finished")
    broadcasts.end(first.id, "connection_lost")
    row = Stream.get_by_id(first.id)
    assert (row.status, row.end_reason) == ("ENDED", "finished")
    assert len(jobs.named("media.finish_recording")) == 1
    assert IngestSession.select().where(IngestSession.ended_at.is_null()).count() == 0
    assert broadcasts.go_live(grant, MediaFacts(), **HERE).id != first.id


def test_a_key_rotated_between_check_and_start_publishes_nothing() -> None:
    user = make_user(role=Role.STREAMER)
    grant = granted(user)
    channels.rotate_stream_key(actor_of(user))
    with pytest.raises(Forbidden):
        broadcasts.go_live(grant, MediaFacts(), **HERE)


def test_the_grace_window_does_not_wait_for_a_time_before_the_clock_went_back() -> None:
    stream = broadcasts.go_live(granted(), MediaFacts(), **HERE)
    with clock.frozen(clock.now() + timedelta(hours=1)):
        broadcasts.reap()
    assert broadcasts.reap() == 0, "it begins anew"
    with clock.frozen(clock.now() + timedelta(seconds=bus.settings.grace_window_s + 16)):
        assert broadcasts.reap() == 1
    assert Stream.get_by_id(stream.id).status == "ENDED"


def test_the_reaper_ends_what_nobody_owns_after_the_grace_window() -> None:
    grant = granted()
    broadcasts.claim(grant, server="one", publisher="a")
    stream = broadcasts.go_live(grant, MediaFacts(), **HERE)
    assert broadcasts.reap() == 0
    assert Stream.get_by_id(stream.id).interrupted_at is None
    broadcasts.release(grant.channel_id, server="one", publisher="a")
    assert broadcasts.reap() == 0
    later = clock.now() + timedelta(seconds=bus.settings.grace_window_s + 60)
    with clock.frozen(later):
        assert broadcasts.reap() == 1
    assert Stream.get_by_id(stream.id).end_reason == "server_restart"


def test_a_grace_window_that_began_by_mistake_is_over_once_somebody_publishes() -> None:
    grant = granted()
    stream = broadcasts.go_live(grant, MediaFacts(), **HERE)
    assert broadcasts.reap() == 0
    assert Stream.get_by_id(stream.id).interrupted_at is not None
    broadcasts.claim(grant, server="one", publisher="a")
    assert broadcasts.reap() == 0
    assert Stream.get_by_id(stream.id).interrupted_at is None


def test_what_ends_a_broadcast_is_known_without_a_message() -> None:
    user = make_user(role=Role.STREAMER)
    grant = granted(user)
    assert broadcasts.reason_to_end(grant, None) is None
    stream = broadcasts.go_live(grant, MediaFacts(), **HERE)
    assert broadcasts.reason_to_end(grant, stream.id) is None
    channels.rotate_stream_key(actor_of(user))
    assert broadcasts.reason_to_end(grant, stream.id) == "key_revoked"
    user.suspended_at = clock.now()
    user.save()
    assert broadcasts.reason_to_end(grant, stream.id) == "suspended"


def test_a_broadcast_that_has_ended_or_lasts_too_long_may_not_go_on() -> None:
    grant = granted()
    stream = broadcasts.go_live(grant, MediaFacts(), **HERE)
    began_at = clock.now() - timedelta(seconds=bus.settings.max_stream_duration_s + 1)
    Stream.update(started_at=began_at).where(Stream.id == stream.id).execute()
    assert broadcasts.reason_to_end(grant, stream.id) == "max_duration"
    broadcasts.end(stream.id, "max_duration")
    assert broadcasts.reason_to_end(grant, stream.id) == "finished"
