"""Streams whose process died and whose encoder never came back: their playlists are brought to an end.

The services end such streams by themselves, once nobody holds their claim; this is
about the files, which only ingest writes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import structlog

from ingest import disk, sidecar

#: Beyond the grace window; until then another server may still go on with a stream.
PATIENCE_S: Final = 30.0

log = structlog.get_logger()

_Mark = tuple[int, int]


class Leftovers:
    """Sees which streams stay as they are from look to look.

    How old a file is says nothing: where the clock is set forward, those of live streams are an hour old as well.
    """

    def __init__(self, hls_folder: Path, grace_s: float) -> None:
        self._hls_folder, self._patience_s = hls_folder, grace_s + PATIENCE_S
        self._seen: dict[Path, tuple[_Mark, float]] = {}  # what was found last, and when it was found first

    def end(self, now_s: float) -> int:
        """End the playlists that nobody has written for longer than the grace window; returns how many streams.

        `now_s` is a monotonic time. Raises OSError where they cannot be written.
        """
        self._look(now_s)
        ended = 0
        for folder, (_, since_s) in list(self._seen.items()):
            if now_s - since_s > self._patience_s:
                disk.end_playlists(folder)
                disk.write_summary(folder)
                log.info("ended what was left behind", stream_id=folder.name)
                ended += 1
        return ended

    def _look(self, now_s: float) -> None:
        known, self._seen = self._seen, {}
        for folder, mark in _unfinished(self._hls_folder):
            before = known.get(folder)
            self._seen[folder] = before if before is not None and before[0] == mark else (mark, now_s)


def _unfinished(hls_folder: Path) -> Iterator[tuple[Path, _Mark]]:
    for written in hls_folder.glob(f"*/{sidecar.LOG_FILE}"):
        if not (written.parent / sidecar.SUMMARY_FILE).exists():
            found = written.stat()
            yield written.parent, (found.st_size, found.st_mtime_ns)
