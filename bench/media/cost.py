"""What taking a picture in costs: beside node-media-server at 6 Mbit/s, and how many streams one core carries.

Ours does more meanwhile (remuxing, packaging, low-latency playlists, every segment to the disk);
node-media-server hands the stream on and writes nothing.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import psutil
import requests

from bench.figures import Figure
from bench.media.browser import Missing
from bench.media.publisher import Choir, PublishingThread, record
from bench.ports import free_port
from tests.e2e.stack import until

KBPS: Final = 6000
MEASURED_S: Final = 20.0
SETTLED_S: Final = 4.0
STEP_KBPS: Final = 1500
STEPS: Final = (25, 50, 100, 150, 200, 300, 400)
STEP_S: Final = 8.0
FULL: Final = 0.9
SLOW_ANSWER_S: Final = 0.25


class Usage:
    """What a process used of one core, in percent, between two moments; and its memory in MB."""

    def __init__(self, process: psutil.Process) -> None:
        self._process, self._since, self._used_s = process, time.monotonic(), _cpu_s(process)

    def percent(self) -> float:
        return 100 * (_cpu_s(self._process) - self._used_s) / (time.monotonic() - self._since)

    def megabytes(self) -> float:
        return float(self._process.memory_info().rss) / 1e6


def figures() -> Iterator[Figure]:
    """Both servers take the same stream at the same time; then ours alone takes more and more."""
    with tempfile.TemporaryDirectory(prefix="astrotv-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        yield from _side_by_side(folder)
        yield from _stepped_up(folder)


def _side_by_side(folder: Path) -> Iterator[Figure]:
    recording = record("1280x720", KBPS, fps=30)
    with ExitStack() as stack:
        ours, port, _ = stack.enter_context(lone_ingest(folder / "one"))
        theirs, their_port = stack.enter_context(_node_media_server(folder))
        urls = [f"rtmp://127.0.0.1:{port}/live/key0", f"rtmp://127.0.0.1:{their_port}/live/key0"]
        at_work = stack.enter_context(PublishingThread(recording, urls))
        until(lambda: all(publisher.began_at for publisher in at_work.publishers), 20)
        time.sleep(SETTLED_S)
        usages = {"ours": Usage(ours), "node-media-server": Usage(theirs)}
        time.sleep(MEASURED_S)
        theirs_percent = usages["node-media-server"].percent()
        yield Figure(f"{KBPS // 1000} Mbit/s, node-media-server: of one core", theirs_percent, "%")
        yield Figure(f"{KBPS // 1000} Mbit/s, ours: of one core", usages["ours"].percent(), "%", theirs_percent)
        yield Figure("node-media-server: memory", usages["node-media-server"].megabytes(), "MB")
        yield Figure("ours: memory", usages["ours"].megabytes(), "MB")
        assert all(publisher.ended is None for publisher in at_work.publishers)


def _stepped_up(folder: Path) -> Iterator[Figure]:
    recording = record("640x360", STEP_KBPS)
    carried = 0
    with lone_ingest(folder / "many") as (process, port, relay_port), Choir(recording) as choir:
        for count in STEPS:
            try:
                choir.grow_to([f"rtmp://127.0.0.1:{port}/live/key{number}" for number in range(count)])
            except (TimeoutError, ConnectionError):
                yield Figure(f"{count} streams: not all could join; the choir was late by", choir.late_s, "s")
                break
            time.sleep(SETTLED_S / 2)
            usage = Usage(process)
            answers_s = _answers_s(relay_port, STEP_S)
            percent = usage.percent()
            yield Figure(f"{count} streams of {STEP_KBPS} kbit/s: of one core", percent, "%")
            yield Figure("  memory", usage.megabytes(), "MB")
            yield Figure("  slowest answer of its HTTP port", max(answers_s), "s", SLOW_ANSWER_S)
            if percent > 100 * FULL or choir.lost:
                break
            carried = count
    yield Figure("streams that one core carries, at least", carried, "")


def _answers_s(port: int, seconds: float) -> list[float]:
    found, until_s = [], time.monotonic() + seconds
    while time.monotonic() < until_s:
        found.append(requests.get(f"http://127.0.0.1:{port}/health", timeout=30).elapsed.total_seconds())
        time.sleep(0.1)
    return found


@contextmanager
def lone_ingest(folder: Path) -> Iterator[tuple[psutil.Process, int, int]]:
    """Our server in a process of its own: the process, its RTMP port, its relay's port."""
    command = [sys.executable, "-m", "bench.media.lone_ingest", str(folder)]
    log = folder.with_suffix(".log")
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            ports = until(lambda: log.read_text().partition("\n")[0], 30)
            rtmp_port, relay_port = map(int, ports.split())
            yield psutil.Process(process.pid), rtmp_port, relay_port
        finally:
            process.kill()


@contextmanager
def _node_media_server(folder: Path) -> Iterator[tuple[psutil.Process, int]]:
    script = _find_node_media_server(folder)
    node = shutil.which("node")
    if node is None:
        raise Missing("the comparison needs node (apt-get install nodejs npm)")
    ports = [str(free_port()) for _ in range(4)]
    names = ("--rtmp-port", "--http-port", "--https-port", "--rtmps-port")
    options = [word for pair in zip(names, ports, strict=True) for word in pair]
    command = [node, str(script), "-b", "127.0.0.1", *options, "--data-path", str(folder / "nms"), "--no-admin"]
    log = folder / "node-media-server.log"
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output, cwd=folder) as process:
        try:
            until(lambda: _listens(int(ports[0])), 20, log.read_text)
            yield psutil.Process(process.pid), int(ports[0])
        finally:
            process.kill()


def _find_node_media_server(folder: Path) -> Path:
    given = os.environ.get("NODE_MEDIA_SERVER")
    if given is None:
        npm = shutil.which("npm")
        if npm is None:
            raise Missing("the comparison needs npm, or NODE_MEDIA_SERVER set to the package's folder")
        subprocess.run([npm, "install", "--silent", "--prefix", str(folder), "node-media-server@4"], check=False)
        given = str(folder / "node_modules/node-media-server")
    script = Path(given) / "bin/app.js"
    if not script.exists():
        raise Missing(f"node-media-server is not at {given}")
    return script


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
