"""DASH manifests say what the playlists say, in its own terms, and play."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID
from xml.etree import ElementTree

import pytest

from services import dash_manifests
from services.gateways import ffmpeg
from services.mp4_times import Mp4TimesError, begins_at, timing_track
from services.segment_index import recorded_renditions
from services.vod_playlists import vod_master_playlist, vod_playlist
from tests.packaged import Broadcast

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
BEGAN = 1_767_268_800.0
STREAM = UUID("0190a0b0-0000-7000-8000-000000000001")
NAMES = {"d": "urn:mpeg:dash:schema:mpd:2011"}


def written(broadcast: Broadcast) -> Path:
    """The broadcast's folder with the playlists of a recording."""
    renditions = recorded_renditions(broadcast.folder)
    for rendition in renditions:
        (broadcast.folder / rendition.name / "index.m3u8").write_text(vod_playlist(rendition))
    (broadcast.folder / "index.m3u8").write_text(vod_master_playlist(renditions))
    return broadcast.folder


def manifest_of(folder: Path) -> ElementTree.Element:
    text = dash_manifests.manifest(lambda name: (folder / name).read_bytes(), NOW)
    (folder / "manifest.mpd").write_text(text)
    return ElementTree.fromstring(text)


def live_again(folder: Path, gone: int = 0) -> None:
    """Make the playlists those of a stream on air, of which the first segments have left the window."""
    for playlist in folder.glob("*/index.m3u8"):
        lines = playlist.read_text().replace("#EXT-X-ENDLIST\n", "").replace("#EXT-X-PLAYLIST-TYPE:VOD\n", "")
        for number in range(gone):
            lines = lines.replace(f"#EXTINF:1.00000,\n{number}.m4s\n", "")
            at = datetime.fromtimestamp(BEGAN + number + 1, UTC).isoformat(timespec="milliseconds")
            before = datetime.fromtimestamp(BEGAN + number, UTC).isoformat(timespec="milliseconds")
            lines = lines.replace(before.replace("+00:00", "Z"), at.replace("+00:00", "Z"))
        playlist.write_text(lines.replace("MEDIA-SEQUENCE:0", f"MEDIA-SEQUENCE:{gone}"))


def test_a_recording_is_static_and_plays_from_end_to_end(tmp_path: Path) -> None:
    broadcast = Broadcast(tmp_path, STREAM, BEGAN)
    broadcast.record("source", 4)
    broadcast.record("360p", 4, "160x120")
    folder = written(broadcast)
    made = manifest_of(folder)
    assert (made.get("type"), made.get("mediaPresentationDuration")) == ("static", "PT4.000S")
    shown = made.findall(".//d:Representation", NAMES)
    assert [(each.get("id"), each.get("width")) for each in shown] == [("source", "320"), ("360p", "160")]
    command = [ffmpeg.find_binary(), "-v", "error", "-i", str(folder / "manifest.mpd"), "-f", "null", "-"]
    assert subprocess.run(command, capture_output=True, timeout=60, check=True).stderr == b""
    found = ffmpeg.probe(ffmpeg.find_binary(), folder / "manifest.mpd")
    assert found.duration_s == pytest.approx(4, abs=0.1)
    assert (found.width, found.audio_codec) == (320, "aac")


def test_an_encoder_that_came_back_begins_a_period(tmp_path: Path) -> None:
    broadcast = Broadcast(tmp_path, STREAM, BEGAN)
    broadcast.record("source", 2)
    broadcast.record("source", 3, "160x240")
    periods = manifest_of(written(broadcast)).findall("d:Period", NAMES)
    assert [period.get("start") for period in periods] == ["PT0.000S", "PT2.000S"]
    templates = [period.find(".//d:SegmentTemplate", NAMES) for period in periods]
    assert [t.get("startNumber") for t in templates if t is not None] == ["0", "2"]
    assert [t.get("initialization") for t in templates if t is not None] == ["source/init-0.mp4", "source/init-1.mp4"]


def test_a_live_manifest_keeps_its_clock_as_the_window_moves_on(tmp_path: Path) -> None:
    broadcast = Broadcast(tmp_path, STREAM, BEGAN)
    broadcast.record("source", 6)
    folder = written(broadcast)
    shown_at = []
    for gone in (0, 1, 1):
        live_again(folder, gone)
        made = manifest_of(folder)
        assert (made.get("type"), made.get("availabilityStartTime")) == ("dynamic", "1970-01-01T00:00:00Z")
        period, template = made.find("d:Period", NAMES), made.find(".//d:SegmentTemplate", NAMES)
        last = made.findall(".//d:S", NAMES)[-1]
        assert period is not None
        assert template is not None
        starts_s = float((period.get("start") or "").removeprefix("PT").removesuffix("S"))
        ticks = int(last.get("t") or 0) - int(template.get("presentationTimeOffset") or 0)
        shown_at.append(starts_s + ticks / int(template.get("timescale") or 1))
    assert shown_at == pytest.approx([BEGAN + 5] * 3, abs=0.01)


def test_durations_that_do_not_fit_the_timescale_do_not_drift(tmp_path: Path) -> None:
    broadcast = Broadcast(tmp_path, STREAM, BEGAN)
    broadcast.record("source", 3)
    folder = written(broadcast)
    playlist = folder / "source" / "index.m3u8"
    playlist.write_text(playlist.read_text().replace("1.00000", "0.99997"))
    pieces = manifest_of(folder).findall(".//d:S", NAMES)
    ends = [int(s.get("t") or 0) + int(s.get("d") or 0) for s in pieces]
    assert [int(s.get("t") or 0) for s in pieces[1:]] == ends[:-1]


def test_sound_alone_is_an_audio_set(tmp_path: Path) -> None:
    folder = tmp_path / "audio"
    folder.mkdir()
    arguments = ["-f", "lavfi", "-i", "sine=d=2", "-c:a", "aac", "-f", "hls", "-hls_time", "1", "-hls_segment_type"]
    arguments += ["fmp4", "-hls_fmp4_init_filename", "init-0.mp4", "-hls_segment_filename", f"{folder}/%d.m4s"]
    ffmpeg.run(ffmpeg.find_binary(), [*arguments, "-hls_playlist_type", "vod", f"{folder}/index.m3u8"], timeout_s=30)
    master = '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="mp4a.40.2"\naudio/index.m3u8\n'
    (tmp_path / "index.m3u8").write_text(master)
    kind = manifest_of(tmp_path).find(".//d:AdaptationSet", NAMES)
    assert kind is not None
    assert kind.get("mimeType") == "audio/mp4"


def test_there_must_be_something_to_play(tmp_path: Path) -> None:
    (tmp_path / "index.m3u8").write_text("#EXTM3U\n")
    with pytest.raises(dash_manifests.DashError):
        manifest_of(tmp_path)


@pytest.mark.parametrize("init", [b"", b"\0" * 64, b"\xff" * 64, b"\0\0\0\x10moov\0\0\0\x08tkhd"])
def test_what_is_no_mp4_is_said_to_be_none(init: bytes) -> None:
    with pytest.raises(Mp4TimesError):
        timing_track(init)


def test_a_segment_that_is_cut_short_is_said_to_be(tmp_path: Path) -> None:
    broadcast = Broadcast(tmp_path, STREAM)
    broadcast.record("source", 1)
    track = timing_track((broadcast.folder / "source/init-0.mp4").read_bytes())
    whole = (broadcast.folder / "source/0.m4s").read_bytes()
    assert begins_at(whole, track) >= 0
    for length in range(0, 200, 7):
        try:
            begins_at(whole[:length], track)
        except Mp4TimesError:
            continue
