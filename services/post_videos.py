"""Videos that people post, made into an MP4 that every browser plays, within bounds of size and time."""

from pathlib import Path

from services.bus import bus
from services.gateways import ffmpeg

LONGEST_S = 15 * 60
#: The longer side of what is shown; a smaller video is not enlarged.
MOST_PIXELS_A_SIDE = 1280
#: Refused before anything is decoded: no camera makes larger pictures.
LARGEST_SIDE = 8192
MOST_PIXELS = 8192 * 4320
PROBE_TIMEOUT_S = 30.0
TRANSCODE_TIMEOUT_S = 2700.0
POSTER_TIMEOUT_S = 60.0


class VideoError(Exception):
    """A video that is not taken; says why in one line."""


def transcode(source: Path, container: str, folder: Path) -> tuple[Path, Path]:
    """Make `video.mp4` (H.264, AAC, playable from its beginning) and a poster in `folder`.

    `container` is the demuxer that the file's first bytes call for. Raises VideoError, FfmpegError.
    """
    binary = ffmpeg.find_binary(bus.settings.ffmpeg_binary)
    _check(ffmpeg.probe(binary, source, timeout_s=PROBE_TIMEOUT_S))
    video, poster = folder / "video.mp4", folder / "poster.png"
    ffmpeg.run(binary, [*_opening(container, source), *_coding(video)], timeout_s=TRANSCODE_TIMEOUT_S)
    ffmpeg.run(
        binary,
        [*_opening("mov", video), "-map", "0:v:0", "-frames:v", "1", "-y", str(poster)],
        timeout_s=POSTER_TIMEOUT_S,
    )
    return video, poster


def _check(found: ffmpeg.MediaProbe) -> None:
    if found.video_codec is None or not found.width or not found.height:
        raise VideoError("there is no picture in it")
    if max(found.width, found.height) > LARGEST_SIDE:
        raise VideoError(f"its picture is larger than {LARGEST_SIDE} pixels a side")
    if found.duration_s is not None and found.duration_s > LONGEST_S:
        raise VideoError(f"it is longer than {LONGEST_S // 60} minutes")


def _opening(container: str, source: Path) -> list[str]:
    """One demuxer, one protocol: nothing in the file can make ffmpeg open anything else."""
    return [
        *("-protocol_whitelist", "file", "-f", container, "-max_pixels", str(MOST_PIXELS)),
        *("-threads", "2", "-i", str(source)),
    ]


def _coding(target: Path) -> list[str]:
    side = MOST_PIXELS_A_SIDE
    fit = (
        f"scale=w='min({side},iw)':h='min({side},ih)':force_original_aspect_ratio=decrease:force_divisible_by=2,"
        "format=yuv420p"
    )
    return [
        *("-map", "0:v:0", "-map", "0:a:0?", "-map_metadata", "-1", "-map_chapters", "-1", "-t", str(LONGEST_S)),
        *("-vf", fit, "-c:v", "libx264", "-preset", "veryfast", "-crf", "24", "-fpsmax", "60"),
        *("-c:a", "aac", "-b:a", "128k", "-ac", "2", "-threads", "2"),
        *("-movflags", "+faststart", "-f", "mp4", "-y", str(target)),
    ]
