"""Writing a stream's folder without keeping the event loop waiting for the disk."""

import asyncio
import errno
import tempfile
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from ingest import sidecar
from ingest.custody import Custody
from ingest.sidecar import Entry

MAX_WAITING_BYTES: Final = 64 << 20
#: About as much as a segment: with less room than this nobody need begin.
LEAST_ROOM_BYTES: Final = 1 << 20


class _Batch(NamedTuple):
    files: list[tuple[str, bytes]]
    log: bytes
    texts: dict[str, str | None]


class DiskWriter:
    """A queue of files for one folder, written in a thread.

    Files come first, then the log, then the playlists that name them; of a
    playlist that changed several times meanwhile only the last is written.
    Every file appears whole, by renaming.
    """

    def __init__(self, custody: Custody, executor: Executor, failed: Callable[[OSError], None]) -> None:
        """`failed` is called, on the loop: the disk refuses, falls too far behind, or the folder is another's."""
        self.folder = custody.folder
        self._custody = custody
        self._executor = executor
        self._failed = failed
        self._files: list[tuple[str, bytes]] = []
        self._log: list[bytes] = []
        self._texts: dict[str, str | None] = {}
        self._waiting_bytes = 0
        self._task: asyncio.Task[None] | None = None
        self._broken = False

    def put(self, name: str, data: bytes, entry: Entry) -> None:
        """Write a file that never changes, and log it."""
        self._files.append((name, data))
        self._log.append(sidecar.encode_line(entry))
        self._waiting_bytes += len(data)
        if self._waiting_bytes > MAX_WAITING_BYTES:
            self._fail(OSError("the media disk does not keep up"))
        self._wake()

    def replace(self, name: str, text: str) -> None:
        """Write a playlist, in place of what it was."""
        self._texts[name] = text
        self._wake()

    def remove(self, name: str) -> None:
        """Take a playlist away."""
        self._texts[name] = None
        self._wake()

    async def drained(self) -> None:
        """Wait until everything has been written, or the disk has failed."""
        while self._task is not None:
            await asyncio.shield(self._task)

    def _wake(self) -> None:
        if self._broken:
            self._take()
        elif self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._drain())

    def _take(self) -> _Batch:
        batch = _Batch(self._files, b"".join(self._log), self._texts)
        self._files, self._log, self._texts = [], [], {}
        self._waiting_bytes = 0
        return batch

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._files or self._texts:
                await loop.run_in_executor(self._executor, _write, self._custody, self._take())
        except OSError as error:
            self._fail(error)
        finally:
            self._task = None

    def _fail(self, error: OSError) -> None:
        if not self._broken:
            self._broken = True
            self._failed(error)


def prove_room(folder: Path) -> None:
    """Write a file as large as a segment, and remove it; raises OSError where the disk takes none."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as trial:
        trial.write(bytes(LEAST_ROOM_BYTES))


def read_log(folder: Path) -> list[Entry]:
    """Return what a stream's folder holds already; nothing for a new one."""
    try:
        return sidecar.decode_log((folder / sidecar.LOG_FILE).read_bytes())
    except FileNotFoundError:
        return []


def take_over(custody: Custody) -> list[Entry]:
    """Be the one who writes a stream's folder, and return what it holds already."""
    custody.take()
    return read_log(custody.folder)


def close_folder(custody: Custody) -> None:
    """Say that a folder is complete, by the summary of its log; raises CustodyLost where another process writes it."""
    custody.prove()
    write_summary(custody.folder)


def write_summary(folder: Path) -> None:
    """Write the summary of a folder's log."""
    summary = sidecar.summarise(folder.name, read_log(folder))
    _write_whole(folder / sidecar.SUMMARY_FILE, msgspec.json.encode(summary))


def end_playlists(folder: Path) -> None:
    """Mark every media playlist in a folder as ended: its process is gone, and nobody came back."""
    for playlist in folder.glob("*/index.m3u8"):
        text = playlist.read_text()
        if "#EXT-X-ENDLIST" not in text:
            _write_whole(playlist, (text + "#EXT-X-ENDLIST\n").encode())


def _write(custody: Custody, batch: _Batch) -> None:
    custody.prove()
    folder = custody.folder
    for name, data in batch.files:
        _write_whole(folder / name, data)
    if batch.log:
        _append_whole(folder / sidecar.LOG_FILE, batch.log)
    for name, text in batch.texts.items():
        if text is None:
            (folder / name).unlink(missing_ok=True)
        else:
            _write_whole(folder / name, text.encode())


def _append_whole(path: Path, data: bytes) -> None:
    """Add to a file, all or nothing: whoever goes on with the log must not go on in the middle of a line."""
    with path.open("ab", buffering=0) as file:
        before = file.tell()
        written = file.write(data)
        if written != len(data):
            file.truncate(before)
            raise OSError(errno.ENOSPC, "the disk took only a part", str(path))


def _write_whole(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    try:
        unfinished.write_bytes(data)
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
