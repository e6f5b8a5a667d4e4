"""What the ladder of a live stream costs: processor and memory of the one ffmpeg that makes all rungs."""

import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from bench.figures import Figure
from services.gateways.ffmpeg import find_binary
from services.ladder import Rung, Source, ladder, transcode_command

PICTURES: Final = ((1280, 720, 3000), (1920, 1080, 6000))
SECONDS: Final = 30
FPS: Final = 30


def figures() -> Iterator[Figure]:
    """A noisy test picture through the command that workers run, as fast as it goes: processor time is what counts."""
    binary = str(find_binary(""))
    for width, height, kbps in PICTURES:
        with tempfile.TemporaryDirectory(prefix="astrotv-ladder-") as folder:
            path = Path(folder) / "source.flv"
            _record(binary, path, width, height, kbps)
            source = Source(width, height, float(FPS), "h264", "aac", kbps)
            yield from _measured(binary, path, source)


def _record(binary: str, path: Path, width: int, height: int, kbps: int) -> None:
    picture = f"testsrc2=size={width}x{height}:rate={FPS},noise=alls=12:allf=t"
    inputs = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=440:sample_rate=48000", "-t", str(SECONDS)]
    rate = ["-b:v", f"{kbps}k", "-maxrate", f"{kbps}k", "-bufsize", f"{2 * kbps}k"]
    video = ["-c:v", "libx264", "-preset", "ultrafast", *rate, "-pix_fmt", "yuv420p", "-g", str(2 * FPS)]
    subprocess.run([binary, "-loglevel", "error", *inputs, *video, "-c:a", "aac", str(path)], check=True)


def _measured(binary: str, path: Path, source: Source) -> Iterator[Figure]:
    rungs = ladder(source)
    with _relay(path) as address:
        command = transcode_command(
            f"{address}/source.flv", source, rungs, lambda rung: _place(address, rung), "libx264"
        )
        process = subprocess.Popen([binary, "-loglevel", "error", *command])
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"ffmpeg ended with {process.returncode}")
    name = f"ladder of {source.height}p{FPS} ({', '.join(rung.name for rung in rungs)})"
    yield Figure(f"{name}: of one core", (usage.ru_utime + usage.ru_stime) / SECONDS, "core")
    yield Figure(f"{name}: memory", usage.ru_maxrss / 1000, "MB")


def _place(address: str, rung: Rung) -> str:
    return f"{address}/{rung.name}"


@contextmanager
def _relay(path: Path) -> Iterator[str]:
    """What ingest is to ffmpeg: gives the source, and takes every rung in chunks."""

    class Relay(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(path.stat().st_size))
            self.end_headers()
            self.wfile.write(path.read_bytes())

        def do_POST(self) -> None:
            while size := int(self.rfile.readline().strip() or b"0", 16):
                self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Relay) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
