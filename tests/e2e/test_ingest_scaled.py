"""Two ingest processes share one database, one Redis and one media folder: streams outlive either of them."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest
import requests

from db.connection import connection
from db.models.streams import Recording, Stream
from db.models.users import User
from services import channels, recordings, relays, stream_metadata
from services.actors import Role
from settings import Settings
from tests.e2e.ingests import (
    Ingest,
    Viewer,
    coming_back,
    ingests,
    pictures,
    play,
    publishing,
    stop_politely,
    stores,
)
from tests.e2e.stack import ROOT, until
from tests.factories import actor_of, make_user
from tests.ingest import hls_rules

PUBLISHERS, WAITING = "astrotv_ingest_publishers", "astrotv_ingest_interrupted"


@pytest.fixture
def two(committed_db: Settings, tmp_path: Path) -> Iterator[tuple[Ingest, Ingest]]:
    with ingests(committed_db, tmp_path) as (one, other):
        yield one, other


class Streamer:
    """Somebody with a channel, and what has become of their stream."""

    def __init__(self, settings: Settings) -> None:
        self._live_folders = settings.hls_path / "hls"
        with connection():
            self.user: User = make_user(role=Role.STREAMER)

    @property
    def key(self) -> str:
        with connection():
            return channels.stream_key(actor_of(self.user)).stream_key

    @property
    def stream(self) -> Stream | None:
        """The newest one."""
        with connection():
            channel = channels.own_channel(actor_of(self.user))
            found: Stream | None = (
                Stream.select().where(Stream.channel == channel.id).order_by(Stream.id.desc()).first()
            )
            return found

    def is_at(self, ingest: Ingest) -> bool:
        """Whether their picture is at an ingest's relay."""
        with connection():
            stream = self.stream
            return stream is not None and relays.relay_of(stream.id) == ingest.url

    def live_at(self, ingest: Ingest) -> UUID:
        """Wait until their picture is at an ingest's relay; returns the stream."""
        until(lambda: self.is_at(ingest))
        assert self.stream is not None
        stream_id = UUID(str(self.stream.id))
        until(lambda: self.playlist(stream_id).exists())
        return stream_id

    def ended(self) -> str:
        """Wait for the end of their stream; returns the reason."""
        return str(until(lambda: (stream := self.stream) and stream.end_reason))

    def playlist(self, stream_id: UUID, rendition: str = "source") -> Path:
        return self._live_folders / str(stream_id) / rendition / "index.m3u8"


@pytest.fixture
def streamers(committed_db: Settings) -> tuple[Streamer, Streamer]:
    return Streamer(committed_db), Streamer(committed_db)


def recording(stream_id: UUID) -> Recording:
    """Make a recording as the job does."""
    recordings.finish_recording(stream_id)
    with connection():
        made: Recording = Recording.get(Recording.stream == stream_id)
        return made


def newest_part(playlist: str) -> str:
    """The last part that a low-latency playlist lists."""
    read = hls_rules.read(playlist)
    return [*(part for segment in read.segments for part in segment.parts), *read.open_parts][-1].uri


def test_a_stream_goes_on_at_another_process_when_its_own_is_killed(
    committed_db: Settings, two: tuple[Ingest, Ingest], streamers: tuple[Streamer, Streamer]
) -> None:
    (one, other), (streamer, _) = two, streamers
    with publishing(one, streamer.key):
        stream_id = streamer.live_at(one)
        source = streamer.playlist(stream_id)
        with Viewer(source) as viewer, play(source) as player:
            until(lambda: len(viewer.seen.segments) >= 3)
            one.kill()
            before = until(lambda: viewer.seen)
            with coming_back(other, streamer.key, lambda: streamer.is_at(other)) as encoder:
                assert streamer.live_at(other) == stream_id
                until(lambda: len(viewer.seen.segments) >= len(before.segments) + 3)
                stop_politely(encoder)
            until(lambda: viewer.seen.ended)
            shown = pictures(player)
        assert viewer.breaches == []
        after = viewer.seen
    assert [segment.number for segment in after.segments] == list(range(len(after.segments)))
    assert after.segments[: len(before.segments)] == before.segments
    assert [segment.epoch for segment in after.segments] == [0] * len(before.segments) + [1] * (
        len(after.segments) - len(before.segments)
    )
    assert streamer.ended() == "finished"
    made = recording(stream_id)
    assert (made.status, made.error) == ("READY", None)
    assert made.duration_s == pytest.approx(sum(segment.duration_s for segment in after.segments), abs=0.05)
    with play(committed_db.hls_path / "recordings" / str(stream_id) / "source.mp4") as whole:
        assert pictures(whole) == shown
    assert len(shown) == pytest.approx(30 * (made.duration_s or 0), abs=2)


def test_each_process_has_its_own_publishers_and_answers_for_all(
    two: tuple[Ingest, Ingest], streamers: tuple[Streamer, Streamer]
) -> None:
    (one, other), (first, second) = two, streamers
    with publishing(one, first.key) as here, publishing(other, second.key) as there:
        streams = first.live_at(one), second.live_at(other)
        for ingest in (one, other):
            with publishing(ingest, first.key) as late:
                assert late.wait(30) != 0
            for stream_id in streams:
                page = until(lambda: requests.get(f"{ingest.url}/hls/{stream_id}/source/ll.m3u8", timeout=20))  # noqa: B023
                newest = newest_part(page.text)
                part = requests.get(f"{ingest.url}/hls/{stream_id}/source/{newest}", timeout=20)
                assert (part.status_code, part.content[4:8]) == (200, b"moof")
        assert [ingest.counted(PUBLISHERS) for ingest in (one, other)] == [1, 1]
        with connection():
            stream_metadata.end_stream(actor_of(second.user), streams[1])
            channels.rotate_stream_key(actor_of(first.user))
        assert [encoder.wait(30) != 0 for encoder in (here, there)] == [True, True]
    assert (first.ended(), second.ended()) == ("key_revoked", "finished")
    until(lambda: [ingest.counted(PUBLISHERS) + ingest.counted(WAITING) for ingest in (one, other)] == [0, 0])


def test_an_encoder_may_come_back_to_another_process_and_back_again(
    two: tuple[Ingest, Ingest], streamers: tuple[Streamer, Streamer]
) -> None:
    (one, other), (streamer, _) = two, streamers
    with publishing(one, streamer.key):
        stream_id = streamer.live_at(one)
        viewer = Viewer(streamer.playlist(stream_id))
    with viewer:
        until(lambda: one.counted(WAITING))
        with coming_back(other, streamer.key, lambda: streamer.is_at(other)):
            assert streamer.live_at(other) == stream_id
            until(lambda: not one.counted(WAITING))
            so_far = len(viewer.seen.segments)
            until(lambda: len(viewer.seen.segments) > so_far + 1)
            other.process.terminate()
        other.restart()
        with coming_back(one, streamer.key, lambda: streamer.is_at(one)) as encoder:
            assert streamer.live_at(one) == stream_id
            so_far = len(viewer.seen.segments)
            until(lambda: len(viewer.seen.segments) > so_far + 1)
            stop_politely(encoder)
        until(lambda: viewer.seen.ended)
    assert viewer.breaches == []
    assert [segment.number for segment in viewer.seen.segments] == list(range(len(viewer.seen.segments)))
    assert {segment.epoch for segment in viewer.seen.segments} == {0, 1, 2}
    assert recording(stream_id).status == "READY"
    until(other.is_ready)


@contextmanager
def transcoder(settings: Settings, log: Path) -> Iterator[None]:
    """The worker for ladders, as in the Procfile; RELAY_URL leads nowhere."""
    celery = [sys.executable, "-m", "celery", "--quiet", "--app", "workers.app", "worker", "--queues", "transcode"]
    options = ["--pool", "threads", "--concurrency", "4", "--without-mingle", "--without-gossip"]
    environment = stores(settings) | {"RELAY_URL": "http://127.0.0.1:9"}
    with log.open("wb") as output:
        command = [*celery, *options]
        worker = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            worker.terminate()
            worker.wait(30)


def test_each_ladder_is_made_from_the_relay_that_has_the_picture(
    committed_db: Settings, two: tuple[Ingest, Ingest], streamers: tuple[Streamer, Streamer], tmp_path: Path
) -> None:
    with transcoder(committed_db, tmp_path / "worker.log"):
        (one, other), (first, second) = two, streamers
        with publishing(one, first.key) as lost, publishing(other, second.key):
            moved, stays = first.live_at(one), second.live_at(other)
            until(lambda: first.playlist(moved, "audio").exists() and second.playlist(stays, "audio").exists())
            lost.kill()
            with (
                Viewer(first.playlist(moved, "audio")) as viewer,
                coming_back(other, first.key, lambda: first.is_at(other)),
            ):
                assert first.live_at(other) == moved
                until(lambda: {segment.epoch for segment in viewer.seen.segments} >= {0, 1})
            assert viewer.breaches == []
