"""Previews: each moment has its tile."""

import io
from pathlib import Path

import pytest
from PIL import Image

from services import previews
from services.gateways import ffmpeg


def test_cues_cover_the_whole_time_and_name_each_tile() -> None:
    text = previews.cues(25.0, 2, 13)
    assert text.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:02.000\npreview.webp#xywh=0,0,160,90\n")
    assert text.endswith("\n00:00:24.000 --> 00:00:25.000\npreview.webp#xywh=320,90,160,90\n")
    assert text.count("-->") == 13


def test_a_sprite_shows_what_is_on_at_the_time(tmp_path: Path) -> None:
    binary, video = ffmpeg.find_binary(), tmp_path / "v.mp4"
    colours = "color=red:s=320x180:r=10:d=4[a];color=lime:s=320x180:r=10:d=4[b];[a][b]concat=n=2:v=1"
    arguments = ["-filter_complex", colours, "-c:v", "libx264", "-preset", "ultrafast", "-g", "10", str(video)]
    ffmpeg.run(binary, arguments, timeout_s=30)
    made = previews.make_preview(binary, video, 8.0)
    assert made.cues.count("-->") == 4
    sprite = Image.open(io.BytesIO(made.sprite)).convert("RGB")
    assert sprite.size == (1600, 90)
    seen = [sprite.getpixel((80 + 160 * tile, 45)) for tile in range(4)]
    assert [red > green for red, green, _ in seen] == [True, True, False, False]  # type: ignore[misc]


def test_a_long_recording_still_has_one_small_sprite() -> None:
    assert previews.cues(36_000.0, 360, 100).count("-->") == 100
    assert "10:00:00.000" in previews.cues(36_000.0, 360, 100)


def test_sound_alone_has_no_preview(tmp_path: Path) -> None:
    binary, sound = ffmpeg.find_binary(), tmp_path / "a.mp4"
    ffmpeg.run(binary, ["-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac", str(sound)], timeout_s=30)
    with pytest.raises(ffmpeg.FfmpegError):
        previews.make_preview(binary, sound, 1.0)
