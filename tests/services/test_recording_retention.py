"""Retention: recordings go when their time has come, files and addresses, and nothing else goes."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from db.models.streams import Recording, Stream
from services import clock, recording_retention, streams
from services.bus import bus
from settings import Settings
from tests.factories import make_stream
from tests.fakes import FakeJobs


@pytest.fixture(autouse=True)
def own_settings(_database: None, tmp_path: Path) -> Iterator[Settings]:
    before = bus.settings
    bus.settings = msgspec.structs.replace(
        before, hls_path=tmp_path, media_storage=f"file:{tmp_path}", recording_retention_days=7
    )
    yield bus.settings
    bus.settings = before


def recorded(days_ago: float) -> Stream:
    at = clock.now() - timedelta(days=days_ago)
    stream = make_stream(status="ENDED", started_at=at)
    for folder in ("recordings", "clips"):
        path = bus.settings.hls_path / folder / str(stream.id) / "a.mp4"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"video")
    place = f"/media/recordings/{stream.id}/index.m3u8"
    Recording.create(stream=stream.id, status="READY", hls=place, created_at=at, bytes=5)
    return stream


def kept(stream: Stream, folder: str = "recordings") -> bool:
    return (bus.settings.hls_path / folder / str(stream.id) / "a.mp4").exists()


def test_recordings_past_their_time_go_with_their_addresses_and_clips_stay() -> None:
    old, young = recorded(8), recorded(6)
    assert recording_retention.expire_recordings() == 1
    assert (kept(old), kept(young), kept(old, "clips")) == (False, True, True)
    row = Recording.get(Recording.stream == old.id)
    assert (row.status, row.hls, row.bytes) == ("EXPIRED", None, 0)
    assert streams.any_stream(old.id).playback.hls is None
    assert recording_retention.expire_recordings() == 0


def test_many_go_in_small_batches(jobs: FakeJobs) -> None:
    for _ in range(recording_retention.BATCH + 1):
        recorded(9)
    assert recording_retention.expire_recordings() == recording_retention.BATCH
    assert len(jobs.named("media.expire_recordings")) == 1
    assert recording_retention.expire_recordings() == 1


def test_without_a_limit_everything_is_kept() -> None:
    bus.settings = msgspec.structs.replace(bus.settings, recording_retention_days=0)
    old = recorded(1000)
    assert recording_retention.expire_recordings() == 0
    assert kept(old)
