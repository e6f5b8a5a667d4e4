import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from PIL import Image

from db.models.streams import Recording, Stream
from services import clock, recordings
from services.bus import bus
from services.errors import Unavailable
from services.gateways import ffmpeg
from services.recordings import finish_recording
from services.segment_index import InitEntry, RecordedRendition
from settings import Settings
from tests.packaged import Broadcast


@pytest.fixture
def own_settings(db: None, tmp_path: Path) -> Iterator[Settings]:
    before = bus.settings
    media = tmp_path / "a folder"
    bus.settings = msgspec.structs.replace(before, hls_path=media, media_storage=f"file:{media}")
    yield bus.settings
    bus.settings = before


@pytest.fixture
def broadcast(own_settings: Settings) -> Broadcast:
    stream = Stream.create(title="Over", status="ENDED", started_at=clock.now(), ended_at=clock.now())
    return Broadcast(own_settings.hls_path, UUID(str(stream.id)))


def recording_of(broadcast: Broadcast) -> Recording:
    return Recording.get(Recording.stream == broadcast.stream_id)


def kept(broadcast: Broadcast, name: str) -> Path:
    return bus.settings.hls_path / "recordings" / str(broadcast.stream_id) / name


def test_a_recording_can_be_played_as_hls_and_as_one_file(broadcast: Broadcast) -> None:
    broadcast.record("source", 3)
    broadcast.complete()
    finish_recording(broadcast.stream_id)
    row, place = recording_of(broadcast), f"/media/recordings/{broadcast.stream_id}"
    assert (row.status, row.error) == ("READY", None)
    assert (row.hls, row.mp4) == (f"{place}/index.m3u8", f"{place}/source.mp4")
    assert row.duration_s == 3.0
    for name in ("index.m3u8", "source.mp4"):
        found = ffmpeg.probe(ffmpeg.find_binary(), kept(broadcast, name))
        assert found.duration_s == pytest.approx(3, abs=0.2)
        assert (found.width, found.audio_codec) == (320, "aac")
    mp4 = kept(broadcast, "source.mp4").read_bytes()
    assert mp4.index(b"moov") < mp4.index(b"mdat")
    assert row.bytes == len(mp4) + sum(path.stat().st_size for path in kept(broadcast, "source").glob("*.m4s"))


def test_the_playlists_are_whole_and_name_renditions_that_cover_the_stream(broadcast: Broadcast) -> None:
    broadcast.record("source", 7)
    broadcast.record("360p", 6, "160x120")
    broadcast.record("480p", 1, "160x120")
    broadcast.complete()
    finish_recording(broadcast.stream_id)
    master = kept(broadcast, "index.m3u8").read_text()
    assert [line for line in master.splitlines() if not line.startswith("#")] == [
        "source/index.m3u8",
        "360p/index.m3u8",
    ]
    assert 'CODECS="avc1.42c01e,mp4a.40.2",RESOLUTION=320x240,FRAME-RATE=15.000' in master
    media = kept(broadcast, "source/index.m3u8").read_text().splitlines()
    assert media[0] == "#EXTM3U"
    assert media[-1] == "#EXT-X-ENDLIST"
    assert "#EXT-X-PLAYLIST-TYPE:VOD" in media
    assert media.count("#EXTINF:1.00000,") == 7


def test_making_it_again_changes_nothing(broadcast: Broadcast) -> None:
    broadcast.record("source", 2)
    broadcast.complete()
    finish_recording(broadcast.stream_id)
    before = recording_of(broadcast).updated_at
    finish_recording(broadcast.stream_id)
    assert recording_of(broadcast).updated_at == before
    Recording.update(status="PROCESSING").execute()
    finish_recording(broadcast.stream_id)
    assert recording_of(broadcast).status == "READY"
    assert Recording.select().count() == 1


def test_an_encoder_that_came_back_the_same_is_copied_on(broadcast: Broadcast) -> None:
    broadcast.record("source", 2)
    broadcast.record("source", 2)
    broadcast.complete()
    finish_recording(broadcast.stream_id)
    assert recording_of(broadcast).mp4 is not None
    found = ffmpeg.probe(ffmpeg.find_binary(), kept(broadcast, "source.mp4"))
    assert found.duration_s == pytest.approx(4, abs=0.3)
    playlist = kept(broadcast, "source/index.m3u8").read_text()
    assert playlist.count("#EXT-X-DISCONTINUITY") == 1
    assert playlist.count("#EXT-X-MAP") == 2


def test_an_encoder_that_came_back_otherwise_is_joined_in_one_form(broadcast: Broadcast) -> None:
    broadcast.record("source", 3)
    broadcast.record("source", 1, "160x240", audio=False)
    broadcast.complete()
    finish_recording(broadcast.stream_id)
    found = ffmpeg.probe(ffmpeg.find_binary(), kept(broadcast, "source.mp4"))
    assert (found.width, found.height, found.audio_codec) == (320, 240, "aac")
    assert found.duration_s == pytest.approx(4, abs=0.3)


def test_the_last_picture_is_kept(broadcast: Broadcast) -> None:
    broadcast.record("source", 2)
    broadcast.complete()
    finish_recording(broadcast.stream_id)
    thumbnail = Stream.get_by_id(broadcast.stream_id).thumbnail or ""
    assert thumbnail.startswith(f"/media/thumbs/{broadcast.stream_id}/")
    stored = bus.settings.hls_path / thumbnail.removeprefix("/media/")
    assert Image.open(io.BytesIO(stored.read_bytes())).size == (640, 360)


def test_the_packager_is_waited_for_but_not_for_ever(broadcast: Broadcast) -> None:
    broadcast.record("source", 2)
    with pytest.raises(Unavailable):
        finish_recording(broadcast.stream_id)
    with (broadcast.folder / "segments.jsonl").open("ab") as log:
        log.write(b'{"type":"segment","rend')
    with clock.frozen(clock.now() + timedelta(minutes=5)):
        finish_recording(broadcast.stream_id)
    assert recording_of(broadcast).duration_s == 2.0


def test_media_that_do_not_add_up_leave_no_mp4_but_play_as_hls(broadcast: Broadcast) -> None:
    broadcast.record("source", 2)
    log = broadcast.folder / "segments.jsonl"
    log.write_text(log.read_text().replace('"durationS":1.0', '"durationS":5.0'))
    broadcast.complete()
    finish_recording(broadcast.stream_id)
    row = recording_of(broadcast)
    assert (row.status, row.mp4) == ("READY", None)
    assert "long, its segments 10.000 s" in (row.error or "")


def test_a_stream_of_which_nothing_came_says_so(broadcast: Broadcast) -> None:
    broadcast.folder.mkdir(parents=True)
    broadcast.complete()
    finish_recording(broadcast.stream_id)
    assert (recording_of(broadcast).status, recording_of(broadcast).error) == ("FAILED", "nothing was recorded")


def test_a_stream_that_is_live_has_no_recording_yet(own_settings: Settings) -> None:
    stream = Stream.create(title="Live", status="LIVE", started_at=clock.now())
    finish_recording(UUID(str(stream.id)))
    assert not Recording.select().exists()


def test_live_folders_go_once_the_recording_has_been_ready_for_a_while(broadcast: Broadcast) -> None:
    broadcast.record("source", 1)
    broadcast.complete()
    finish_recording(broadcast.stream_id)
    assert recordings.tidy_live_folders() == 0
    with clock.frozen(clock.now() + timedelta(hours=2)):
        assert recordings.tidy_live_folders() == 1
    assert not broadcast.folder.exists()
    assert kept(broadcast, "source/0.m4s").stat().st_size > 0
    assert not list((bus.settings.hls_path / ".work").iterdir())


@pytest.mark.parametrize("codec", ["hvc1.1.6.L93.90", "av01.0.04M.08"])
def test_a_source_for_few_players_is_offered_only_where_nothing_stands_in_for_it(codec: str) -> None:
    def rendition(name: str, codecs: tuple[str, ...], width: int) -> RecordedRendition:
        return RecordedRendition(name, (InitEntry(name, f"{name}/init-0.mp4", codecs, width, width // 2),), ())

    source = rendition("source", (codec, "mp4a.40.2"), 1280)
    rung, sound = rendition("720p", ("avc1.64001f", "mp4a.40.2"), 1280), rendition("audio", ("mp4a.40.2",), 0)
    assert recordings.for_players([source, rung, sound]) == [rung, sound]
    assert recordings.for_players([source, sound]) == [source, sound]
    assert recordings.for_players([rung, sound]) == [rung, sound]
