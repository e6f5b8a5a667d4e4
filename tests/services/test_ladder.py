from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ladder import AUDIO_RUNG, VIDEO_RUNGS, Source, ladder, shed, transcode_command


@pytest.fixture(autouse=True)
def _database() -> Iterator[None]:
    """Nothing here needs one."""
    yield


def names(source: Source) -> list[str]:
    return [rung.name for rung in ladder(source)]


HD = Source(1280, 720, 30, "h264", "aac", 3000, 2.0)


def test_every_rung_is_strictly_below_the_source() -> None:
    assert names(HD) == ["480p", "360p", "audio"]
    assert names(Source(1920, 1080, audio_codec="aac")) == ["720p", "480p", "360p", "audio"]
    assert names(Source(3840, 2160, audio_codec="aac")) == ["1080p", "720p", "480p", "360p", "audio"]
    assert names(Source(640, 360, audio_codec="aac")) == ["audio"]


def test_an_upright_picture_is_measured_by_its_shorter_side() -> None:
    upright = Source(1080, 1920, audio_codec="aac")
    assert names(upright) == ["720p", "480p", "360p", "audio"]
    command = transcode_command("in", upright, ladder(upright), lambda rung: rung.name, "libx264")
    assert "scale=720:-2" in command[command.index("-filter_complex") + 1]


def test_a_source_that_players_cannot_play_gets_a_rung_of_its_own_size() -> None:
    assert names(msgspec.structs.replace(HD, video_codec="hevc"))[0] == "720p"
    assert names(msgspec.structs.replace(HD, keyframe_interval_s=8.0))[0] == "720p"


def test_a_small_source_that_players_cannot_play_gets_one_as_well() -> None:
    slow = Source(width=426, height=241, keyframe_interval_s=8, video_codec="h264")
    assert [(rung.name, rung.height) for rung in ladder(slow)] == [("360p", 240)]
    odd = Source(width=1280, height=720, video_codec="h264 High 4:2:2")
    assert [rung.name for rung in ladder(odd)] == ["720p", "480p", "360p"]


def test_a_source_without_sound_has_no_audio_rung() -> None:
    silent = msgspec.structs.replace(HD, audio_codec=None)
    assert names(silent) == ["480p", "360p"]
    assert "0:a:0" not in transcode_command("in", silent, ladder(silent), lambda rung: rung.name, "libx264")


def test_an_unknown_source_has_no_ladder() -> None:
    assert ladder(Source()) == []


@given(
    width=st.integers(16, 8000),
    height=st.integers(16, 8000),
    fps=st.one_of(st.none(), st.floats(1, 240)),
    bitrate=st.one_of(st.none(), st.integers(1, 100_000)),
)
def test_no_rung_exceeds_its_source(width: int, height: int, fps: float | None, bitrate: int | None) -> None:
    source = Source(width, height, fps, "h264", "aac", bitrate)
    for rung in ladder(source):
        assert rung.height < source.short_side
        assert bitrate is None or rung.video_kbps <= max(150, bitrate)


def test_rungs_are_shed_from_the_top_and_audio_stays() -> None:
    rungs = [*VIDEO_RUNGS, AUDIO_RUNG]
    kept, gone = shed(rungs, 2)
    assert [rung.name for rung in kept] == ["480p", "360p", "audio"]
    assert [rung.name for rung in gone] == ["1080p", "720p"]
    assert shed(rungs, 99)[0] == [AUDIO_RUNG]
    assert shed(rungs, 0) == (rungs, [])


def test_each_rung_is_posted_with_keyframes_every_second() -> None:
    command = transcode_command("http://relay/in.flv", HD, ladder(HD), lambda r: f"http://relay/{r.name}", "libx264")
    assert [part for part in command if part.startswith("http")] == [
        "http://relay/in.flv",
        "http://relay/480p",
        "http://relay/360p",
        "http://relay/audio",
    ]
    assert command.count("expr:gte(t,n_forced*1)") == 2
    assert command.count("POST") == 3


@pytest.mark.parametrize("encoder", ["h264_nvenc", "h264_qsv", "h264_vaapi", "h264_videotoolbox"])
def test_another_encoder_is_a_setting(encoder: str) -> None:
    command = transcode_command("in", HD, ladder(HD), lambda rung: rung.name, encoder)
    assert command.count(encoder) == 2
    assert "libx264" not in command


def test_the_relay_is_read_without_the_options_that_lose_packets() -> None:
    command = transcode_command("in", HD, ladder(HD), lambda rung: rung.name, "libx264")
    assert not {"nobuffer", "-probesize", "-fpsprobesize"} & set(command)
    assert command[command.index("-analyzeduration") + 1] == "1000000"
