"""Streams whose process died and whose encoder never came back: their playlists are brought to an end.

The services end such streams by themselves, once nobody holds their claim; this is
about the files, which only ingest writes.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import structlog

from ingest import disk, sidecar

#: Beyond the grace window; until then another server may still go on with a stream.
PATIENCE_S: Final = 30.0

log = structlog.get_logger()


def end_leftovers(hls_folder: Path, grace_s: float) -> int:
    """End the playlists that nobody has written for longer than the grace window; returns how many streams."""
    ended = 0
    for folder in _unfinished(hls_folder, time.time() - grace_s - PATIENCE_S):
        disk.end_playlists(folder)
        disk.write_summary(folder)
        log.info("ended what was left behind", stream_id=folder.name)
        ended += 1
    return ended


def _unfinished(hls_folder: Path, written_before: float) -> Iterator[Path]:
    for written in hls_folder.glob(f"*/{sidecar.LOG_FILE}"):
        finished = (written.parent / sidecar.SUMMARY_FILE).exists()
        if not finished and written.stat().st_mtime < written_before:
            yield written.parent
