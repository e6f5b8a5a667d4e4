import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from PIL import Image

from db.models.streams import Stream
from services import clock, thumbnails
from services.bus import bus
from services.errors import Unavailable
from services.gateways.storage import FolderStorage
from services.thumbnails import ThumbnailError, decode_keyframe, picture_at, refresh_thumbnail
from settings import Settings
from tests.fakes import FakeJobs
from tests.relay import FakeRelay, fake_relay, make_flv


@pytest.fixture(scope="module")
def flv() -> bytes:
    return make_flv(0.1, "320x240", audio=False)


@pytest.fixture
def relay(db: None, flv: bytes, tmp_path: Path) -> Iterator[FakeRelay]:
    before = bus.settings
    with fake_relay(flv) as relay:
        bus.settings = msgspec.structs.replace(before, relay_url=relay.url, media_storage=f"file:{tmp_path}")
        yield relay
    bus.settings = before


def live_stream(**fields: object) -> UUID:
    row = {"title": "Live", "status": "LIVE", "started_at": clock.now()} | fields
    return UUID(str(Stream.create(**row).id))


def thumbnail_of(stream_id: UUID) -> str | None:
    found: str | None = Stream.get_by_id(stream_id).thumbnail
    return found


def test_a_live_stream_gets_a_picture_in_two_sizes(relay: FakeRelay, tmp_path: Path) -> None:
    stream_id = live_stream()
    refresh_thumbnail(stream_id)
    files = sorted((tmp_path / "thumbs" / str(stream_id)).iterdir())
    sizes = sorted(Image.open(io.BytesIO(file.read_bytes())).size for file in files)
    assert sizes == [(320, 180), (640, 360)]
    shown = thumbnail_of(stream_id)
    assert shown is not None
    assert shown.startswith(f"/media/thumbs/{stream_id}/")
    assert shown.endswith("-640x360.webp")


def test_each_picture_has_an_address_of_its_own_and_old_ones_go(relay: FakeRelay, tmp_path: Path) -> None:
    stream_id = live_stream()
    shown = []
    for later in range(4):
        with clock.frozen(clock.now() + timedelta(seconds=30 * later)):
            refresh_thumbnail(stream_id)
        shown.append(thumbnail_of(stream_id))
    assert len(set(shown)) == 4
    assert len(FolderStorage(tmp_path).keys(f"thumbs/{stream_id}")) == 4


def test_the_picture_shown_is_there_also_after_the_clock_went_back(relay: FakeRelay, tmp_path: Path) -> None:
    stream_id = live_stream()
    for seconds in (3600, 3630, 0, 30):
        with clock.frozen(clock.now() + timedelta(seconds=seconds)):
            refresh_thumbnail(stream_id)
        shown = thumbnail_of(stream_id)
        assert shown is not None
        assert shown.removeprefix("/media/") in FolderStorage(tmp_path).keys(f"thumbs/{stream_id}")


def test_a_picture_chosen_by_the_streamer_stays(relay: FakeRelay) -> None:
    stream_id = live_stream(thumbnail="https://example.org/mine.png")
    refresh_thumbnail(stream_id)
    assert thumbnail_of(stream_id) == "https://example.org/mine.png"


def test_a_relay_without_a_picture_is_asked_again_later(relay: FakeRelay) -> None:
    relay.flv = b"no flv at all"
    with pytest.raises(Unavailable):
        refresh_thumbnail(live_stream())
    bus.settings = msgspec.structs.replace(bus.settings, relay_url="http://127.0.0.1:9")
    with pytest.raises(Unavailable):
        refresh_thumbnail(live_stream())


def test_a_stream_that_is_over_or_away_is_left_alone(relay: FakeRelay) -> None:
    for fields in ({"status": "ENDED", "ended_at": clock.now()}, {"interrupted_at": clock.now()}):
        stream_id = live_stream(**fields)
        refresh_thumbnail(stream_id)
        assert thumbnail_of(stream_id) is None
    assert not relay.tokens


def test_every_live_stream_is_asked_for(db: None, jobs: FakeJobs) -> None:
    live = {str(live_stream()), str(live_stream())}
    live_stream(status="ENDED", ended_at=clock.now())
    live_stream(source_type="YOUTUBE")
    assert thumbnails.refresh_live_thumbnails() == 2
    assert {message.arguments["stream_id"] for message in jobs.named("media.thumbnail")} == live


def test_a_keyframe_is_decoded_within_bounds(opened: Settings, flv: bytes) -> None:
    assert decode_keyframe(flv).size == (640, 360)
    for refused in (b"", flv[:100], b"#EXTM3U\nfile:///etc/passwd\n", b"\x89PNG" + bytes(1000)):
        with pytest.raises(ThumbnailError):
            decode_keyframe(refused)


def test_a_frame_is_taken_from_the_middle_of_a_video(opened: Settings, tmp_path: Path) -> None:
    (tmp_path / "video.flv").write_bytes(make_flv(2, "320x240"))
    assert picture_at(tmp_path / "video.flv", 1.0).size == (640, 360)
    with pytest.raises(ThumbnailError):
        picture_at(tmp_path / "none.flv", 1.0)
