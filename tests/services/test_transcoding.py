import contextlib
import os
import signal
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import msgspec
import psutil
import pytest

from db.connection import connection
from db.models.streams import IngestSession, Stream
from services import clock, transcode_register, transcoding
from services.bus import bus
from services.ids import new_id
from services.tokens import relay_token
from services.transcode_register import TranscodeClaim, transcode_status
from services.transcoding import Outcome, transcode_live
from settings import Settings
from tests.fakes import FakeJobs
from tests.relay import FakeRelay, eventually, fake_relay, make_flv

START_S = 100


@pytest.fixture(scope="module")
def flv() -> bytes:
    return make_flv(3, "640x480", start_s=START_S)


@pytest.fixture
def relay(db: None, flv: bytes) -> Iterator[FakeRelay]:
    before = bus.settings
    with fake_relay(flv) as relay:
        bus.settings = msgspec.structs.replace(before, relay_url=relay.url)
        yield relay
    bus.settings = before


@pytest.fixture
def stopping() -> threading.Event:
    return threading.Event()


def live_stream(**measured: object) -> UUID:
    stream = Stream.create(title="Live", status="LIVE", started_at=clock.now())
    facts = {"width": 640, "height": 480, "video_codec": "h264", "audio_codec": "aac"} | measured
    IngestSession.create(stream=stream, server="test", **facts)
    return UUID(str(stream.id))


def while_it_runs(stream_id: UUID, stopping: threading.Event, act: Callable[[], None]) -> Outcome:
    """Transcode in this thread, which sees the test's transaction; `act` beside it, and then stop."""

    def act_and_stop() -> None:
        try:
            act()
        finally:
            stopping.set()

    with ThreadPoolExecutor(1) as beside:
        acted = beside.submit(act_and_stop)
        outcome = transcode_live(stream_id, stopping)
        acted.result()
    return outcome


def the_ffmpeg() -> psutil.Process | None:
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process().children():
            if child.name().startswith("ffmpeg") and child.status() != psutil.STATUS_ZOMBIE:
                return child
    return None


def decode_times(body: bytes) -> list[int]:
    """Every baseMediaDecodeTime (ISO/IEC 14496-12, 8.8.12), version 1, of a fragmented MP4."""
    places = [at for at in range(len(body)) if body.startswith(b"tfdt\x01", at)]
    return [struct.unpack_from(">Q", body, at + 8)[0] for at in places]


def test_every_rung_is_posted_as_fragments_on_the_clock_of_the_source(
    relay: FakeRelay, stopping: threading.Event
) -> None:
    stream_id = live_stream()

    def act() -> None:
        eventually(lambda: all(relay.posts[rung] and len(relay.posts[rung][0]) > 10_000 for rung in ("360p", "audio")))

    assert while_it_runs(stream_id, stopping, act) is Outcome.HANDED_OVER
    assert set(relay.posts) == {"360p", "audio"}
    for (body,) in relay.posts.values():
        assert body[4:8] == b"ftyp"
        assert b"moof" in body
    assert decode_times(bytes(relay.posts["audio"][0]))[0] / 48000 == pytest.approx(START_S, abs=0.1)
    assert relay.tokens == {relay_token(stream_id)}


def test_a_worker_told_to_stop_hands_the_stream_over(
    relay: FakeRelay, stopping: threading.Event, jobs: FakeJobs
) -> None:
    stream_id = live_stream()
    assert while_it_runs(stream_id, stopping, lambda: eventually(lambda: relay.posts["360p"])) is Outcome.HANDED_OVER
    (again,) = jobs.named("media.transcode_live")
    assert again.arguments == {"stream_id": str(stream_id)}
    assert the_ffmpeg() is None
    assert TranscodeClaim(stream_id, "another worker").acquire()


def test_a_second_copy_of_the_job_ends_at_once(relay: FakeRelay, stopping: threading.Event, jobs: FakeJobs) -> None:
    stream_id = live_stream()
    assert TranscodeClaim(stream_id, "another worker").acquire()
    assert transcode_live(stream_id, stopping) is Outcome.HELD_ELSEWHERE
    assert relay.readers == 0
    assert not jobs.named("media.transcode_live")


@pytest.mark.parametrize("status", ["ENDED", None])
def test_a_stream_that_is_over_is_not_transcoded(
    relay: FakeRelay, stopping: threading.Event, jobs: FakeJobs, status: str | None
) -> None:
    stream_id = new_id()
    if status:
        Stream.create(id=stream_id, title="Over", status=status, ended_at=clock.now())
    assert transcode_live(stream_id, stopping) is Outcome.ENDED
    assert relay.readers == 0
    assert not jobs.named("media.transcode_live")
    assert transcode_register.held([stream_id]) == set()


def test_an_ffmpeg_that_dies_is_replaced_within_five_seconds(relay: FakeRelay, stopping: threading.Event) -> None:
    def act() -> None:
        eventually(lambda: relay.posts["360p"])
        victim = the_ffmpeg()
        assert victim is not None
        os.kill(victim.pid, signal.SIGKILL)
        eventually(lambda: len(relay.posts["360p"]) == 2, limit_s=5)

    while_it_runs(live_stream(), stopping, act)
    assert relay.readers == 2


def test_a_relay_that_hangs_up_is_asked_again_while_the_stream_is_live(
    relay: FakeRelay, stopping: threading.Event
) -> None:
    relay.hang_up()
    while_it_runs(live_stream(), stopping, lambda: eventually(lambda: relay.readers >= 2))
    assert all(body[4:8] == b"ftyp" for body in relay.posts["360p"])


def test_a_worker_that_lost_its_claim_leaves_the_stream_to_the_other(
    relay: FakeRelay, stopping: threading.Event, jobs: FakeJobs
) -> None:
    stream_id = live_stream()

    def act() -> None:
        eventually(lambda: relay.posts["360p"])
        bus.redis.set(f"lease:transcode:{stream_id}", "another worker")
        eventually(lambda: the_ffmpeg() is None)

    assert while_it_runs(stream_id, stopping, act) is Outcome.LOST
    assert bus.redis.get(f"lease:transcode:{stream_id}") == b"another worker"
    assert not jobs.named("media.transcode_live")


def test_a_picture_that_is_away_is_waited_for(relay: FakeRelay, stopping: threading.Event) -> None:
    stream_id = live_stream()
    Stream.update(interrupted_at=clock.now()).where(Stream.id == stream_id).execute()
    while_it_runs(stream_id, stopping, lambda: eventually(lambda: transcode_register.held([stream_id])))
    assert relay.readers == 0


def test_the_source_is_looked_at_where_nobody_has_described_it(relay: FakeRelay, stopping: threading.Event) -> None:
    stream_id = live_stream(width=None, height=None, video_codec=None, audio_codec=None)
    while_it_runs(stream_id, stopping, lambda: eventually(lambda: relay.posts["360p"] and relay.posts["audio"]))


def test_the_status_tells_what_is_made(relay: FakeRelay, stopping: threading.Event) -> None:
    stream_id = live_stream()

    def act() -> None:
        eventually(lambda: (status := transcode_status(stream_id)) and status.fps)
        status = transcode_status(stream_id)
        assert status is not None
        assert (status.rungs, status.shed, status.reason) == (["360p", "audio"], [], None)

    while_it_runs(stream_id, stopping, act)
    assert transcode_status(stream_id) is None


def test_a_crowded_machine_makes_the_least_and_says_so(relay: FakeRelay, stopping: threading.Event) -> None:
    bus.settings = msgspec.structs.replace(bus.settings, max_transcodes=1)
    stream_id = live_stream(width=1280, height=720)
    assert TranscodeClaim(new_id(), "another stream").acquire()

    def act() -> None:
        eventually(lambda: transcode_status(stream_id))
        status = transcode_status(stream_id)
        assert status is not None
        assert (status.rungs, status.shed) == (["360p", "audio"], ["480p"])
        assert status.reason == "The machine transcodes as many streams as it may"

    while_it_runs(stream_id, stopping, act)


def test_a_stream_whose_worker_died_is_asked_for_once(db: None, jobs: FakeJobs) -> None:
    stream_id = live_stream()
    assert TranscodeClaim(stream_id, "a worker that dies").acquire()
    assert transcoding.resume_abandoned() == 0
    with clock.frozen(clock.now() + timedelta(seconds=transcode_register.LEASE_TTL_S + 0.1)):
        assert transcoding.resume_abandoned() == 1
        assert transcoding.resume_abandoned() == 0
    assert [message.arguments for message in jobs.named("media.transcode_live")] == [{"stream_id": str(stream_id)}]


def test_a_live_stream_that_nobody_knows_of_is_asked_for(db: None, jobs: FakeJobs) -> None:
    live_stream()
    assert transcoding.resume_forgotten() == 1
    assert transcoding.resume_forgotten() == 0
    assert len(jobs.named("media.transcode_live")) == 1


def test_an_encoder_that_comes_back_gets_an_ffmpeg_of_its_own_until_the_stream_ends(
    committed_db: Settings, flv: bytes, stopping: threading.Event
) -> None:
    with fake_relay(flv) as relay, connection():
        bus.settings = msgspec.structs.replace(committed_db, relay_url=relay.url)
        stream_id = live_stream()

        def act() -> None:
            eventually(lambda: relay.posts["360p"])
            with connection():
                IngestSession.create(stream=stream_id, server="test", width=320, height=240, audio_codec="aac")
            eventually(lambda: relay.readers == 2)
            eventually(lambda: len(relay.posts["audio"]) == 2)
            with connection():
                Stream.update(status="ENDED", ended_at=clock.now()).where(Stream.id == stream_id).execute()
            eventually(lambda: not transcode_register.held([stream_id]))

        assert while_it_runs(stream_id, stopping, act) is Outcome.ENDED
        assert len(relay.posts["360p"]) == 1


def test_the_speed_of_every_ladder_can_be_asked_for(db: None) -> None:
    stream_id, other = new_id(), new_id()
    assert transcode_register.transcode_statuses() == {}
    transcode_register.expect(other)
    assert TranscodeClaim(stream_id, "a worker").acquire()
    status = transcode_register.TranscodeStatus(rungs=["360p"], shed=["480p"], speed=0.9)
    transcode_register.report(stream_id, status)
    assert transcode_register.transcode_statuses() == {stream_id: status}
