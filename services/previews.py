"""A recording's preview: small pictures in one sprite, and the WebVTT that says which belongs to which time.

The form is the one that players take for thumbnails above the seek bar: each cue's text is the
sprite's name with a media fragment (`#xywh=`, W3C Media Fragments 1.0).
"""

import io
import math
from pathlib import Path

import msgspec
from PIL import Image

from services.gateways import ffmpeg

TILE_WIDTH, TILE_HEIGHT = 160, 90
COLUMNS, MOST_TILES = 10, 100
LEAST_STEP_S = 2
QUALITY = 70
TIMEOUT_S = 900.0
SPRITE, CUES = "preview.webp", "preview.vtt"


class Preview(msgspec.Struct, frozen=True):
    """The sprite as WebP, and the cues as WebVTT."""

    sprite: bytes
    cues: str


def make_preview(binary: str, video: Path, duration_s: float) -> Preview:
    """The preview of a local video; raises FfmpegError where there is no picture."""
    step_s = max(LEAST_STEP_S, math.ceil(duration_s / MOST_TILES))
    tiles = max(1, math.ceil(duration_s / step_s))
    return Preview(_sprite(binary, video, step_s, tiles), cues(duration_s, step_s, tiles))


def cues(duration_s: float, step_s: int, tiles: int) -> str:
    """WebVTT that gives each step of the time its tile of the sprite."""
    lines = ["WEBVTT"]
    for number in range(tiles):
        x, y = number % COLUMNS * TILE_WIDTH, number // COLUMNS * TILE_HEIGHT
        ends_s = min((number + 1) * step_s, max(duration_s, number * step_s + 0.001))
        lines += [
            "",
            f"{_time(number * step_s)} --> {_time(ends_s)}",
            f"{SPRITE}#xywh={x},{y},{TILE_WIDTH},{TILE_HEIGHT}",
        ]
    return "\n".join(lines) + "\n"


def _sprite(binary: str, video: Path, step_s: int, tiles: int) -> bytes:
    """Keyframes alone are decoded: a long recording costs seconds, and a tile is at most a keyframe off."""
    rows = math.ceil(tiles / COLUMNS)
    fit = f"scale={TILE_WIDTH}:{TILE_HEIGHT}:force_original_aspect_ratio=decrease"
    pad = f"pad={TILE_WIDTH}:{TILE_HEIGHT}:(ow-iw)/2:(oh-ih)/2"
    graph = f"fps=1/{step_s}:start_time=0,{fit},{pad},tile={COLUMNS}x{rows}"
    size = (COLUMNS * TILE_WIDTH, rows * TILE_HEIGHT)
    arguments = [
        *("-protocol_whitelist", "file", "-skip_frame", "nokey", "-threads", "1", "-i", str(video), "-map", "0:v:0"),
        *("-vf", graph, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"),
    ]
    bytes_of_sprite = size[0] * size[1] * 3
    pixels = ffmpeg.run(binary, arguments, timeout_s=TIMEOUT_S, most_bytes=bytes_of_sprite)
    if len(pixels) != bytes_of_sprite:
        raise ffmpeg.FfmpegError("there is no picture to make a preview of")
    written = io.BytesIO()
    Image.frombytes("RGB", size, pixels).save(written, "WEBP", quality=QUALITY, method=2)
    return written.getvalue()


def _time(seconds: float) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}.{thousandths:03}"
