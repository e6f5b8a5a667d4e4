"""Samples of live streams: a moment counts once, whoever samples it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from db.connection import connection, query
from db.models.streams import Stream
from services import clock, presence, stream_metrics, viewers
from services.actors import Role
from services.presence import Change
from settings import Settings
from tests.factories import make_channel, make_user
from tests.viewership import SUNDAY, at, given, said, stream_between

NOON = at(12)


def _minutes(stream: Stream) -> list[tuple[object, ...]]:
    return query(
        """SELECT minute, samples, viewers_sum, viewers, messages, coins FROM stream_metrics_minute
           WHERE stream_id = %s ORDER BY minute""",
        (stream.id,),
    )


def test_four_samples_make_a_minute() -> None:
    stream = stream_between(make_channel(), at(11))
    for second, count in ((0, 3), (15, 5), (30, 4), (45, 1), (60, 9)):
        stream_metrics.record_sample(NOON + timedelta(seconds=second), [(stream.id, count)])
    assert _minutes(stream) == [(NOON, 4, 13, 5, 0, 0), (NOON + timedelta(minutes=1), 1, 9, 9, 0, 0)]


def test_two_samplers_in_one_quarter_of_a_minute_count_once() -> None:
    stream = stream_between(make_channel(), at(11))
    for second in (15, 16, 29):
        stream_metrics.record_sample(NOON + timedelta(seconds=second), [(stream.id, second)])
    assert _minutes(stream) == [(NOON, 1, 15, 15, 0, 0)]


def test_many_samplers_at_a_time_count_once(committed_db: Settings) -> None:
    streams = [stream_between(make_channel(), at(11)) for _ in range(6)]
    counted = [(stream.id, 7) for stream in streams]

    def record(number: int) -> None:
        with connection():
            stream_metrics.record_sample(NOON, counted if number % 2 else counted[::-1])

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(record, range(16)))
    assert [_minutes(stream) for stream in streams] == [[(NOON, 1, 7, 7, 0, 0)]] * 6


def test_messages_and_coins_are_those_between_a_streams_beginning_and_its_end() -> None:
    streamer, viewer = make_user(role=Role.STREAMER), make_user()
    channel = make_channel(streamer)
    stream = stream_between(channel, at(12.25), at(12.5))
    for hours in (12.2, 12.26, 12.26, 12.45, 12.51):
        said(channel, viewer, at(hours))
        given(viewer, streamer, at(hours), quantity=2)
    for _ in range(2):
        stream_metrics.recount(at(12), at(13))
    assert [row[4:] for row in _minutes(stream)] == [(2, 4), (1, 2)]
    said(channel, viewer, at(12.26))
    stream_metrics.recount(at(12), at(13))
    assert [row[4:] for row in _minutes(stream)] == [(3, 4), (1, 2)]


def test_the_sampler_writes_down_viewers_and_what_was_said(redis_client: object) -> None:
    channel, viewer = make_channel(), make_user()
    stream = stream_between(channel, at(11))
    presence.record("one", [Change(channel.room_id, arrived=[b"a" * 16, b"b" * 16])])
    said(channel, viewer, NOON - timedelta(seconds=30))
    with clock.frozen(NOON + timedelta(seconds=20)):
        assert viewers.sample() == 1
        assert viewers.sample() == 0
    assert [row[1:] for row in _minutes(stream)] == [(0, 0, 0, 1, 0), (1, 2, 2, 0, 0)]
    row = Stream.get_by_id(stream.id)
    assert (row.viewer_count, row.peak_viewers) == (2, 2)
    assert SUNDAY < _minutes(stream)[0][0] < NOON  # type: ignore[operator]
