"""Who writes a stream's folder: of all ingest processes that share it, the one whose encoder came last.

A process that goes on with a stream takes the folder first, by a file that names it. The one before
looks there with everything that it writes, so that it writes no more, however late it learns of it.
"""

import os
from pathlib import Path
from typing import Final
from uuid import uuid4

from ingest import sidecar

OWNER_FILE: Final = ".owner"


class CustodyLost(OSError):
    """Another process goes on with this stream."""


class Custody:
    """One process's right to write one folder; lost for good once another has taken it."""

    def __init__(self, folder: Path, server: str) -> None:
        self.folder = folder
        self._mark = f"{server} {uuid4()}".encode()

    def take(self) -> None:
        """Be the writer from now on, behind the last whole line of the log; raises OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        unfinished = self.folder / f"{OWNER_FILE}.{uuid4()}"
        try:
            unfinished.write_bytes(self._mark)
            unfinished.replace(self.folder / OWNER_FILE)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise
        _end_last_line(self.folder / sidecar.LOG_FILE)

    def is_held(self) -> bool:
        """Whether nobody has taken the folder since; raises OSError where it cannot be read."""
        return (self.folder / OWNER_FILE).read_bytes() == self._mark

    def prove(self) -> None:
        """Raise CustodyLost where another process writes the folder, or OSError."""
        if not self.is_held():
            raise CustodyLost(f"{self.folder.name} is written by another process")


def _end_last_line(log: Path) -> None:
    """Cut off what a process that died has left of a line: the next one would be read with it."""
    try:
        text = log.read_bytes()
    except FileNotFoundError:
        return
    whole = text.rfind(b"\n") + 1
    if whole < len(text):
        os.truncate(log, whole)
