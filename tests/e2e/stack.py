"""A whole AstroTV, started as a newcomer starts it, for tests that walk through everything."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import imageio_ffmpeg
import psutil
import requests

import settings as configuration

ROOT = Path(__file__).resolve().parents[2]
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
PORTS = ("PORT", "REALTIME_PORT", "RTMP_PORT", "RELAY_PORT", "FLOWER_PORT")
T = TypeVar("T")


class Stack:
    """A running stack: its addresses, its demo accounts, its log."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, ports: dict[str, int], data_dir: Path) -> None:
        self.process, self.log, self.ports, self.data_dir = process, log, ports, data_dir
        self.url = f"http://localhost:{ports['PORT']}"
        self.realtime_url = f"ws://localhost:{ports['REALTIME_PORT']}"
        self.rtmp_url = f"rtmp://localhost:{ports['RTMP_PORT']}/live"

    def printed(self) -> str:
        """Everything that the stack has said so far."""
        return self.log.read_text(errors="replace")

    def lines_of(self, event: str) -> list[str]:
        """What it has said of an event."""
        return [line for line in self.printed().splitlines() if event in line]

    def call(self, method: str, path: str, token: str = "", **rest: Any) -> Any:
        """The data of a successful call; fails the test otherwise."""
        answer = requests.request(method, self.url + path, headers=_bearer(token), timeout=60, **rest)
        assert answer.ok, (method, path, answer.status_code, answer.text)
        return answer.json()["data"]

    def sign_in(self, who: str) -> str:
        """The access token of a demo account (`admin`, `streamer`, `viewer`)."""
        return str(self.call("POST", "/api/auth/login", json=self.account(who))["token"])

    def account(self, who: str) -> dict[str, str]:
        """What somebody types to sign in to a demo account."""
        found = re.search(rf"{who}@example.com\s+password: (\S+)", self.printed())
        assert found
        return {"email": f"{who}@example.com", "password": found[1]}

    def encoder(self, key: str, *, seconds: int = 300, size: str = "854x480") -> list[str]:
        """ffmpeg as OBS sends: H.264 with a keyframe every 2 s, AAC, at the pace of the clock."""
        picture, sound = f"testsrc2=size={size}:rate=30", "sine=frequency=440:sample_rate=48000"
        source = ["-re", "-f", "lavfi", "-i", picture, "-re", "-f", "lavfi", "-i", sound, "-t", str(seconds)]
        video = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", "60"]
        sink = ["-c:a", "aac", "-f", "flv", f"{self.rtmp_url}/{key}"]
        return [FFMPEG, "-hide_banner", "-loglevel", "error", *source, *video, *sink]

    @contextmanager
    def publishing(self, key: str, *, seconds: int = 300) -> Iterator[subprocess.Popen[bytes]]:
        """An encoder at work, for so long at the most; stopped as OBS stops when the block ends."""
        command, quiet = self.encoder(key, seconds=seconds), subprocess.DEVNULL
        process = subprocess.Popen(command, stdout=quiet, stderr=quiet)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(15)

    def refused(self, key: str) -> bool:
        """Whether an encoder with this key is turned away."""
        run = subprocess.run(self.encoder(key, seconds=2), capture_output=True, timeout=60, check=False)
        return run.returncode != 0

    def children(self) -> list[psutil.Process]:
        """Every process of the stack."""
        return psutil.Process(self.process.pid).children(recursive=True)


@contextmanager
def running(data_dir: Path, *, log_folder: str = "", **settings: str) -> Iterator[Stack]:
    """Run `manage.py up` on ports of its own until the block ends; it is stopped by Ctrl-C.

    What it says is kept beside its data, or in a folder that has room when theirs has none.
    """
    ports = _free_ports()
    clean = {name: value for name, value in os.environ.items() if name not in configuration.NAMES}
    environment = clean | settings | {"DATA_DIR": str(data_dir)} | {name: str(port) for name, port in ports.items()}
    log = Path(log_folder or data_dir.parent) / f"{data_dir.name}.{time.monotonic_ns()}.log"
    with ExitStack() as stack:
        output = stack.enter_context(log.open("wb"))
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up"], cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        stack.callback(_stop, process)
        running = Stack(process, log, ports, data_dir)
        until(lambda: "is up after" in running.printed() or process.poll() is not None, 120, running.printed)
        assert process.poll() is None, running.printed()
        yield running


def until(condition: Callable[[], T], limit_s: float = 60, why: Callable[[], object] = str) -> T:
    """Wait for a condition to hold and return what it found; fails the test at the limit."""
    deadline = time.monotonic() + limit_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {limit_s} s in vain: {why()}"
        select.select([], [], [], 0.05)  # leave the processor to the stack
    return found


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    process.wait(60)


def _free_ports() -> dict[str, int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in PORTS]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return {name: each.getsockname()[1] for name, each in zip(PORTS, sockets, strict=True)}


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}
