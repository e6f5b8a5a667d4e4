"""The platform's figures, each against rows that say what it must be."""

from datetime import timedelta

import pytest

from db.connection import query
from db.models.streams import IngestSession
from services import chat, chat_latency, clock, platform_metrics, rooms
from services.actors import Role
from services.analytics_rollups import HOUR
from services.bus import bus
from services.chat import Draft
from tests.factories import actor_of, bearer, make_channel, make_stream, make_user
from tests.viewership import at, stream_between, subscribed, watched

NOW = at(20)


def _ingested(stream: object, since: float, until: float | None) -> None:
    IngestSession.create(
        stream=stream, server="one", started_at=at(since), ended_at=None if until is None else at(until)
    )


def test_viewers_are_those_of_live_streams_now_and_in_the_fullest_minute() -> None:
    for count in (5, 7):
        make_stream(make_channel(), viewer_count=count)
    make_stream(make_channel(), status="ENDED", viewer_count=0)
    one, other = (stream_between(make_channel(), at(10), at(12)) for _ in range(2))
    for minute, first, second in ((at(10.5), 20, 5), (at(11), 15, 15)):
        watched(one, minute, first)
        watched(other, minute, 0, second)
    watched(one, NOW - timedelta(days=2), 1000)
    with clock.frozen(NOW):
        found = platform_metrics.platform_metrics()
    assert (found.concurrent_viewers, found.live_streams, found.peak_concurrent_viewers) == (12, 2, 30)


def test_uptime_is_the_share_of_live_time_in_which_an_encoder_sent() -> None:
    whole, broken = stream_between(make_channel(), at(10), at(14)), stream_between(make_channel(), at(16))
    _ingested(whole, 10, 14)
    _ingested(broken, 16, 17)
    _ingested(broken, 18, None)
    stream_between(make_channel(), at(1), at(19))
    with clock.frozen(NOW):
        uptime = platform_metrics.platform_metrics().ingest_uptime
    assert (uptime.live_seconds, uptime.publishing_seconds) == (8 * 3600, 7 * 3600)
    assert uptime.rate == 0.875


def test_conversion_is_the_share_of_people_who_were_here_and_subscribed() -> None:
    streamer, fan = make_user(role=Role.STREAMER), make_user()
    for person in (streamer, fan, fan, make_user(), make_user()):
        bearer(person)
    subscribed(fan, streamer, clock.now() - HOUR)
    subscribed(make_user(), streamer, clock.now() - timedelta(days=40))
    conversion = platform_metrics.platform_metrics().subscription_conversion
    assert (conversion.active_users, conversion.new_subscribers, conversion.rate) == (4, 1, 0.25)


@pytest.mark.usefixtures("committed_db")
def test_latency_is_that_of_messages_from_stored_to_told() -> None:
    assert chat_latency.chat_latency() == chat_latency.ChatLatency(None, None, 0)
    stream, author = make_stream(), make_user()
    for _ in range(3):
        chat.send_message(Draft(room=rooms.find_room(f"stream:{stream.id}"), actor=actor_of(author), text="Hello"))
    found = platform_metrics.platform_metrics().chat_latency
    assert found.batches == 3
    assert found.p50_ms is not None
    assert found.p95_ms is not None
    assert 0 <= found.p50_ms <= found.p95_ms < 5000


def test_percentiles_are_of_the_last_thousand_batches() -> None:
    bus.redis.lpush(chat_latency.KEY, *[9999] * 50, *range(1, 1001))
    assert chat_latency.chat_latency() == chat_latency.ChatLatency(501.0, 951.0, 1000)


@pytest.mark.usefixtures("committed_db")
def test_no_more_batches_are_kept_than_are_looked_at() -> None:
    bus.redis.lpush(chat_latency.KEY, *[1] * (chat_latency.BATCHES_KEPT + 50))
    stream, author = make_stream(), make_user()
    chat.send_message(Draft(room=rooms.find_room(f"stream:{stream.id}"), actor=actor_of(author), text="Hello"))
    assert bus.redis.llen(chat_latency.KEY) == chat_latency.BATCHES_KEPT


def test_what_was_stored_a_moment_ago_waited_that_long() -> None:
    with clock.frozen(NOW + timedelta(milliseconds=12.5)):
        assert chat_latency.waited_ms(NOW) == 12.5


def test_without_anything_there_is_nothing_to_divide_by() -> None:
    query("DELETE FROM auth_sessions")
    found = platform_metrics.platform_metrics()
    assert (found.ingest_uptime.rate, found.subscription_conversion.rate) == (None, None)
