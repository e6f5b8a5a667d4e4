"""A whole ingest server in a thread, and real encoders that publish to it."""

import asyncio
import subprocess
import threading
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import imageio_ffmpeg
from prometheus_client import CollectorRegistry

from ingest.broadcast import Station
from ingest.http import HttpServer
from ingest.lifecycle import Lifecycle
from ingest.relay import Relay
from ingest.seam import Caller
from ingest.server import RtmpServer
from tests.ingest.fakes import FakeBroadcasts, no_connection

T = TypeVar("T")
KEY = "live_abc"
TOKEN = "open-sesame"
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


def wait_for(condition: Callable[[], T], within_s: float = 15.0) -> T:
    """Wait until `condition` returns something true, and return it."""
    deadline = time.monotonic() + within_s
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not so within {within_s} s: {condition}")
        time.sleep(0.02)
    return result


class Stage:
    """A running server with its fakes."""

    def __init__(self, hls_folder: Path, grace_s: float) -> None:
        self.platform = FakeBroadcasts(KEY)
        self.hls_folder = hls_folder
        self.loop = asyncio.new_event_loop()
        self._executor = ThreadPoolExecutor(4)
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        call = Caller(self._executor, no_connection)
        self.lifecycle = Lifecycle(Station("here", hls_folder, 30.0, grace_s, self.platform, call))
        self._rtmp = RtmpServer(self.lifecycle)
        self._relay = HttpServer(Relay(self.lifecycle, lambda _, token: token == TOKEN, CollectorRegistry()))
        self.rtmp_port = self.run(lambda: self._rtmp.start("127.0.0.1", 0))
        self.relay_port = self.run(lambda: self._relay.start("127.0.0.1", 0))

    def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run something on the server's loop and wait for it."""

        async def call() -> T:
            return await work()

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(30)

    def close(self) -> None:
        async def stop() -> None:
            await self._rtmp.close()
            await self.lifecycle.close()
            await self._relay.close()

        self.run(stop)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()
        self._executor.shutdown()

    @property
    def live_stream(self) -> UUID | None:
        """The stream that went live last."""
        told = self.platform.told_of("go_live")
        return told[-1] if told else None  # type: ignore[return-value]

    def file(self, name: str) -> Path:
        """A file in the live stream's folder."""
        return self.hls_folder / str(self.live_stream) / name

    def text(self, name: str) -> str:
        """A playlist, empty while there is none."""
        path = self.file(name)
        return path.read_text() if self.live_stream and path.exists() else ""

    def get(self, path: str) -> bytes:
        """What the relay answers."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.relay_port}{path}", timeout=15) as reply:
            return bytes(reply.read())

    def rtmp_url(self, key: str = KEY) -> str:
        return f"rtmp://127.0.0.1:{self.rtmp_port}/live/{key}"

    @contextmanager
    def encoder(self, *, key: str = KEY, options: tuple[str, ...] = ()) -> Iterator["subprocess.Popen[bytes]"]:
        """ffmpeg, publishing a test picture and a tone in real time as OBS would."""
        command = [FFMPEG, "-v", "error", "-re", *(options or moving_picture()), "-f", "flv", self.rtmp_url(key)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


def moving_picture(seconds: float = 60, gop: int = 30, size: str = "320x180") -> tuple[str, ...]:
    """Arguments that make a moving picture with sound, `gop` frames at 30 fps from keyframe to keyframe."""
    return (
        *("-f", "lavfi", "-i", f"testsrc=size={size}:rate=30:duration={seconds}"),
        *("-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={seconds}"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p"),
        *("-g", str(gop), "-keyint_min", str(gop), "-c:a", "aac", "-b:a", "64k", "-ac", "2"),
    )


def stop_politely(encoder: "subprocess.Popen[bytes]") -> None:
    """Let ffmpeg end its broadcast as OBS does: FCUnpublish, deleteStream."""
    encoder.communicate(b"q", timeout=15)


def decode(source: str) -> int:
    """Decode everything with ffmpeg; return how many pictures there were. Errors fail."""
    command = [FFMPEG, "-v", "error", "-xerror", "-i", source, "-map", "0:v", "-f", "framemd5", "-"]
    done = subprocess.run(command, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return sum(not line.startswith(b"#") for line in done.stdout.splitlines())
