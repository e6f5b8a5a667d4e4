"""A stand-in for the ingest relay: serves an FLV file as a live stream and keeps what is posted."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from services.gateways import ffmpeg

PATIENCE_S = 60.0


def eventually(holds: Callable[[], object], limit_s: float = PATIENCE_S) -> None:
    """Wait until a condition holds; fails after `limit_s` seconds."""
    deadline = time.monotonic() + limit_s
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        pause.wait(0.02)


def make_flv(seconds: float = 3, size: str = "640x480", audio: bool = True, start_s: float = 0) -> bytes:
    """A real FLV, H.264 at 15 frames a second with a keyframe a second, and AAC if asked for."""
    sound = ["-f", "lavfi", "-i", "sine=r=48000", "-c:a", "aac"] if audio else []
    arguments = [
        *("-f", "lavfi", "-i", f"testsrc2=s={size}:r=15", *sound, "-t", str(seconds), "-c:v", "libx264"),
        *("-preset", "ultrafast", "-tune", "zerolatency", "-g", "15", "-pix_fmt", "yuv420p"),
        *("-output_ts_offset", str(start_s), "-flvflags", "no_duration_filesize", "-f", "flv", "pipe:1"),
    ]
    return ffmpeg.run(ffmpeg.find_binary(), arguments, timeout_s=30)


class FakeRelay:
    """The relay's HTTP interface over one stream; `posts` holds each body, rung by rung.

    A reader gets the whole file, and then waits like one of a live stream until `hang_up`.
    """

    def __init__(self, flv: bytes) -> None:
        self.flv = flv
        self.url = ""
        self.tokens: set[str] = set()
        self.readers = 0
        self.posts: dict[str, list[bytearray]] = defaultdict(list)
        self.finished_posts = 0
        self._over = threading.Event()

    def hang_up(self) -> None:
        """End the streams of all readers, now and from now on at once after the file."""
        self._over.set()

    def wait_for_hang_up(self) -> None:
        self._over.wait(60)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    relay: ClassVar[FakeRelay]

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        self.relay.tokens.add(query.removeprefix("token="))
        if path.endswith("/keyframe"):
            self._reply(200, self.relay.flv)
        elif path.endswith(".flv"):
            self._stream()
        else:
            self._reply(404, b"")

    def do_POST(self) -> None:
        rung = self.path.partition("?")[0].rpartition("/")[2]
        body = bytearray()
        self.relay.posts[rung].append(body)
        while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        self.relay.finished_posts += 1
        self._reply(200, b"")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "video/x-flv")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%b\r\n" % (len(self.relay.flv), self.relay.flv))
        self.relay.readers += 1
        self.relay.wait_for_hang_up()
        self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def _reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Readers and senders hang up as they please."""


@contextmanager
def fake_relay(flv: bytes) -> Iterator[FakeRelay]:
    """Run a relay on a port of the system's choice."""
    relay = FakeRelay(flv)
    handler = type("Handler", (_Handler,), {"relay": relay})
    with _Server(("127.0.0.1", 0), handler) as server:
        relay.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield relay
        finally:
            relay.hang_up()
            server.shutdown()
            thread.join()
