"""What breaks in a live stream's life, done on purpose to a whole stack: and what is left of the stream afterwards."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin

import psutil
import psycopg2
import requests

from bench.figures import Figure
from bench.media.player import transcoders
from bench.media.publisher import PublishingThread, Recording, record
from bench.media.stage import live_stack
from tests.e2e.stack import Stack, until
from tests.ingest import hls_rules

AWAY_S: Final = (1.0, 10.0, 40.0)
SETTLED_S: Final = 5.0
SMALL_DISK_MB: Final = 6


def figures() -> Iterator[Figure]:
    """One stream through everything that may happen to it; then a stream on a disk that fills up."""
    recording = record("854x480", 1200)
    with live_stack() as (stack, key):
        yield from _Ordeal(stack, key, recording).figures()
        if os.geteuid() == 0:
            yield from _full_disk(stack, key, recording)


class _Ordeal:
    """One stream, and what is done to it."""

    def __init__(self, stack: Stack, key: str, recording: Recording) -> None:
        self._stack, self._recording = stack, recording
        self._url = f"{stack.rtmp_url}/{key}"
        self._encoder = self._publish()
        (self._stream,) = until(lambda: stack.call("GET", "/api/streams"))
        self._master = str(self._stream["playback"]["hls"])
        until(lambda: len(_renditions(self._master)) >= 2, 30)

    def figures(self) -> Iterator[Figure]:
        for away_s in AWAY_S:
            yield from self._encoder_away(away_s)
        yield from self._killed("transcoder", transcoders(self._stack))
        yield from self._killed("ingest", self._ingest())
        yield from self._ended()

    def _encoder_away(self, seconds: float) -> Iterator[Figure]:
        self._encoder.drop()
        time.sleep(seconds)
        self._encoder = self._publish()
        yield from self._goes_on(f"encoder away for {seconds:.0f} s")

    def _killed(self, what: str, processes: list[psutil.Process]) -> Iterator[Figure]:
        """Kill without warning; an encoder that lost its connection tries again, as OBS does."""
        assert processes, what
        for process in processes:
            process.kill()
        if what == "ingest":
            self._encoder.drop()
            until(lambda: self._reconnected(), 60)
        yield from self._goes_on(f"{what} killed")

    def _reconnected(self) -> bool:
        self._encoder = self._publish()
        time.sleep(1)
        is_in = self._encoder.publishers[0].ended is None and self._encoder.publishers[0].began_at > 0
        if not is_in:
            self._encoder.drop()
        return is_in

    def _goes_on(self, what: str) -> Iterator[Figure]:
        began = time.monotonic()
        numbers = self._newest()
        until(lambda: self._newest().items() and all(self._newest().get(n, 0) > numbers[n] + 2 for n in numbers), 60)
        yield Figure(f"{what}: every rendition goes on after", time.monotonic() - began, "s", 30)
        for name, text in _playlists(self._master).items():
            assert not hls_rules.breaches(text), (what, name, hls_rules.breaches(text))

    def _newest(self) -> dict[str, int]:
        texts = _playlists(self._master)
        return {name: hls_rules.read(text).segments[-1].number for name, text in texts.items()}

    def _ended(self) -> Iterator[Figure]:
        self._encoder.__exit__()
        address = f"/api/streams/{self._stream['id']}"
        until(lambda: _is_recorded(self._stack.call("GET", address)), 90)
        row = self._stack.call("GET", address)
        yield from _end_reason(self._stack, row["id"], "finished")
        yield Figure(
            "streams made of it", _number(self._stack, "count(DISTINCT stream_id) FROM ingest_sessions"), "", 1
        )
        yield Figure("recordings made of it", _number(self._stack, "count(*) FROM recordings"), "", 1)
        mp4 = row["playback"]["recording"]
        yield Figure("one recording: its size", len(requests.get(mp4, timeout=30).content) / 1e6, "MB")
        until(lambda: not transcoders(self._stack), 20)
        yield Figure("ffmpeg processes left behind", len(transcoders(self._stack)), "", 0)

    def _publish(self) -> PublishingThread:
        return PublishingThread(self._recording, [self._url]).__enter__()

    def _ingest(self) -> list[psutil.Process]:
        return [child for child in self._stack.children() if _is_ingest(child)]


def _full_disk(stack: Stack, key: str, recording: Recording) -> Iterator[Figure]:
    """Put a tiny file system where the next stream's folder will be."""
    hls = Path(next(iter(stack.log.parent.glob("data")))) / "media" / "hls"
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_MB}m,mode=1777", "tmpfs", str(hls)], check=True)
    try:
        with PublishingThread(recording, [f"{stack.rtmp_url}/{key}"]) as at_work:
            (stream,) = until(lambda: stack.call("GET", "/api/streams"))
            began = time.monotonic()
            until(lambda: at_work.publishers[0].ended, 120)
            yield Figure(f"disk of {SMALL_DISK_MB} MB full: encoder told after", time.monotonic() - began, "s")
        address = f"/api/streams/{stream['id']}"
        until(lambda: stack.call("GET", address)["status"] == "ENDED", 30)
        yield from _end_reason(stack, stream["id"], "storage_full")
        until(lambda: not transcoders(stack), 20)
        yield Figure("ffmpeg processes left behind", len(transcoders(stack)), "", 0)
    finally:
        subprocess.run(["umount", "-l", str(hls)], check=False)


def _renditions(master: str) -> list[str]:
    answer = requests.get(master, timeout=10)
    lines = answer.text.splitlines() if answer.ok else []
    return [urljoin(master, line) for line in lines if not line.startswith("#")]


def _playlists(master: str) -> dict[str, str]:
    return {address: requests.get(address, timeout=10).text for address in _renditions(master)}


def _is_recorded(stream: dict[str, Any]) -> bool:
    return bool(stream["status"] == "ENDED" and stream["playback"]["recording"])


def _end_reason(stack: Stack, stream_id: str, wanted: str) -> Iterator[Figure]:
    [(reason,)] = _query(stack, f"SELECT end_reason FROM streams WHERE id = '{stream_id}'")
    yield Figure(f"end reason is {reason}: other than {wanted}", reason != wanted, "", 0)


def _number(stack: Stack, what: str) -> int:
    return int(_query(stack, f"SELECT {what}")[0][0])


def _query(stack: Stack, statement: str) -> list[tuple[Any, ...]]:
    """Ask the stack's own database, whose address is in the environment of its processes."""
    (address, *_) = [child.environ().get("DATABASE_OWNER_URL", "") for child in stack.children() if _is_ingest(child)]
    with psycopg2.connect(address) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def _is_ingest(process: psutil.Process) -> bool:
    try:
        return process.cmdline()[-2:] == ["-m", "ingest"]
    except psutil.NoSuchProcess:
        return False
