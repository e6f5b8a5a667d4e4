"""One MP4 from the segments of a broadcast: copied where the picture kept its form, else re-encoded."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import structlog

from services.gateways import ffmpeg
from services.gateways.ffmpeg import FfmpegError, MediaProbe
from services.segment_index import RecordedRendition

log = structlog.get_logger(__name__)

TIMEOUT_S = 1500.0
MOST_REENCODED_S = 3600.0
COPY = ("-map", "0:v:0?", "-map", "0:a:0?", "-c", "copy")
TO_FILE = ("-movflags", "+faststart", "-f", "mp4", "-y")


class RemuxError(Exception):
    """No MP4 can be made of a broadcast; says why."""


def remux(binary: str, folder: Path, rendition: RecordedRendition, workplace: Path) -> Path:
    """Write an MP4 of a rendition into `workplace` and return it; raises RemuxError.

    Segments with equal initialisation segments are one file in pieces. An encoder that came back
    with other parameters makes a new run; runs are joined by encoding them anew, in the size of
    the longest.
    """
    try:
        runs = _runs(binary, folder, rendition, workplace)
        return runs[0] if len(runs) == 1 else _joined(binary, runs, workplace / "joined.mp4")
    except FfmpegError as error:
        raise RemuxError(str(error)) from error


def _runs(binary: str, folder: Path, rendition: RecordedRendition, workplace: Path) -> list[Path]:
    pieces: dict[bytes, list[Path]] = {}
    order: list[list[Path]] = []
    before = None
    for init, segments in rendition.runs():
        form = (folder / init).read_bytes()
        if form != before:
            order.append([folder / init])
        order[-1] += [folder / segment.uri for segment in segments]
        before = form
    del pieces
    return [_copied(binary, files, workplace / f"run-{number}.mp4") for number, files in enumerate(order)]


def _copied(binary: str, pieces: Sequence[Path], target: Path) -> Path:
    whole = target.with_suffix(".fmp4")
    with whole.open("wb") as joined:
        _append(pieces, joined)
    ffmpeg.run(binary, ["-f", "mp4", "-i", str(whole), *COPY, *TO_FILE, str(target)], timeout_s=TIMEOUT_S)
    whole.unlink()
    return target
