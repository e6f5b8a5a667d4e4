"""A whole ingest server in a thread, and real encoders that publish to it."""

import asyncio
import socket
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

from ingest.flv import MediaKind
from ingest.http import HttpServer
from ingest.lifecycle import Lifecycle
from ingest.metrics import BroadcastCollector
from ingest.neighbours import Neighbours
from ingest.relay import Relay
from ingest.seam import Caller
from ingest.server import RtmpServer
from ingest.station import Station
from tests.ingest import rtmp_client, samples
from tests.ingest.fakes import FakeBroadcasts, no_connection

T = TypeVar("T")
KEY = "live_abc"
TOKEN = "open-sesame"
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


def wait_for(condition: Callable[[], T], within_s: float = 60.0) -> T:
    """Wait until `condition` returns something true, and return it."""
    deadline = time.monotonic() + within_s
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not so within {within_s} s: {condition}")
        time.sleep(0.02)
    return result


class Stage:
    """A running server with its fakes."""

    def __init__(
        self,
        hls_folder: Path,
        platform: FakeBroadcasts | None = None,
        *,
        server: str = "here",
        behind_proxy: bool = False,
        **limits: float,
    ) -> None:
        """`limits` are those of a Station, in seconds."""
        self.platform = platform or FakeBroadcasts(KEY)
        self.hls_folder = hls_folder
        self.loop = asyncio.new_event_loop()
        self._executor = ThreadPoolExecutor(4)
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        call = Caller(self._executor, no_connection)
        durations = {"window_s": 30.0, "grace_s": 20.0, **limits}
        self.lifecycle = Lifecycle(
            Station(
                server=server,
                relay_url=f"http://{server}",
                hls_folder=hls_folder,
                broadcasts=self.platform,
                call=call,
                **durations,
            )
        )
        self._rtmp = RtmpServer(self.lifecycle, behind_proxy=behind_proxy)
        registry = CollectorRegistry()
        registry.register(BroadcastCollector(lambda: self.lifecycle.broadcasts))
        self.neighbours: dict[UUID, str] = {}
        neighbours = Neighbours(f"http://{server}", self.neighbours.get, call)
        self.relay = Relay(self.lifecycle, lambda _, token: token == TOKEN, self._may_fetch, neighbours, registry)
        self._relay = HttpServer(self.relay)
        self.rtmp_port = self.run(lambda: self._rtmp.start("127.0.0.1", 0))
        self.relay_port = self.run(lambda: self._relay.start("127.0.0.1", 0))

    def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run something on the server's loop and wait for it."""

        async def call() -> T:
            return await work()

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(30)

    def _may_fetch(self, _: UUID, token: str | None) -> bool:
        return token == TOKEN if token is not None else self.platform.is_public

    def close(self) -> None:
        async def stop() -> None:
            self._rtmp.stop_listening()
            await self.lifecycle.close()
            await self._rtmp.close()
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

    def soon(self, action: Callable[[], None]) -> None:
        """Do something on the server's loop."""
        self.loop.call_soon_threadsafe(action)

    @property
    def connections(self) -> int:
        """How many encoders are connected."""
        return len(self._rtmp.connections)

    @property
    def publisher_silent_s(self) -> float:
        """For how long the only publisher has been silent."""
        (broadcast,) = self.lifecycle.broadcasts
        return broadcast.publisher.silent_s() if broadcast.publisher else 0.0

    def file(self, name: str) -> Path:
        """A file in the live stream's folder."""
        return self.hls_folder / str(self.live_stream) / name

    def text(self, name: str) -> str:
        """A playlist, empty while there is none."""
        path = self.file(name)
        return path.read_text() if self.live_stream and path.exists() else ""

    def get(self, path: str, method: str = "GET", body: bytes | None = None) -> bytes:
        """What the relay answers; raises HTTPError where it refuses."""
        url = f"http://127.0.0.1:{self.relay_port}{path}"
        with urllib.request.urlopen(urllib.request.Request(url, body, method=method), timeout=60) as reply:
            return bytes(reply.read())

    def connect_relay(self) -> socket.socket:
        """A connection to the relay's port."""
        return socket.create_connection(("127.0.0.1", self.relay_port), timeout=60)

    def connect(self) -> socket.socket:
        """A connection to the RTMP port."""
        return socket.create_connection(("127.0.0.1", self.rtmp_port), timeout=60)

    def rtmp_url(self, key: str = KEY) -> str:
        return f"rtmp://127.0.0.1:{self.rtmp_port}/live/{key}"

    @contextmanager
    def encoder(self, *, key: str = KEY, options: tuple[str, ...] = ()) -> Iterator["subprocess.Popen[bytes]"]:
        """ffmpeg, publishing a test picture and a tone as OBS would."""
        command = [FFMPEG, "-v", "error", *(options or moving_picture()), "-f", "flv", self.rtmp_url(key)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


def moving_picture(seconds: float = 60, gop: int = 30, size: str = "320x180") -> tuple[str, ...]:
    """Make a moving picture with sound in real time, at 30 fps, `gop` frames from keyframe to keyframe."""
    return (
        *("-re", "-f", "lavfi", "-i", f"testsrc=size={size}:rate=30:duration={seconds}"),
        *("-re", "-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={seconds}"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p"),
        *("-g", str(gop), "-keyint_min", str(gop), "-c:a", "aac", "-b:a", "64k", "-ac", "2"),
    )


class RawEncoder:
    """A publisher made of a bare socket, for what ffmpeg would never do."""

    def __init__(self, stage: Stage, key: str = KEY) -> None:
        self._socket = stage.connect()
        self.send(rtmp_client.opening(key))

    def __enter__(self) -> "RawEncoder":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def send_picture(self, start_ms: int = 0, frames: int = 3) -> None:
        """Send configurations and a short group of pictures."""
        self.send(rtmp_client.media(MediaKind.VIDEO, start_ms, samples.VIDEO_CONFIG))
        self.send(rtmp_client.media(MediaKind.AUDIO, start_ms, samples.AUDIO_CONFIG))
        for number in range(frames):
            body = samples.video(key=number == 0)
            self.send(rtmp_client.media(MediaKind.VIDEO, start_ms + 33 * number, body))

    def status_codes_until_closed(self) -> list[str]:
        """What the server said until it closed the connection."""
        return rtmp_client.status_codes(self.everything_until_closed())

    def everything_until_closed(self) -> bytes:
        """Every byte from the server."""
        heard = b""
        while data := self._socket.recv(65536):
            heard += data
        return heard

    def status_code(self) -> str:
        """The next thing that the server says about publishing."""
        heard = b""
        while not (codes := rtmp_client.status_codes(heard) if len(heard) > 3073 else []):
            heard += self._socket.recv(65536)
        return codes[0]


def stop_politely(encoder: "subprocess.Popen[bytes]") -> None:
    """Let ffmpeg end its broadcast as OBS does: FCUnpublish, deleteStream."""
    encoder.communicate(b"q", timeout=60)


def decode(source: str) -> int:
    """Decode everything with ffmpeg; return how many pictures there were. Errors fail."""
    command = [FFMPEG, "-v", "error", "-xerror", "-i", source, "-map", "0:v", "-f", "framemd5", "-"]
    done = subprocess.run(command, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return sum(not line.startswith(b"#") for line in done.stdout.splitlines())
