"""A server with the sample application, and lines to it. No database is needed."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
SOON_S = 30


@pytest.fixture(autouse=True)
def _database() -> None:
    """None."""


class Answer:
    """An answer as it came: status, fields by their names in small letters, body."""

    def __init__(self, status: int, fields: dict[str, str], body: bytes) -> None:
        self.status, self.fields, self.body = status, fields, body

    @property
    def told(self) -> dict[str, Any]:
        """What the echo says."""
        found: dict[str, Any] = json.loads(self.body)
        return found


class Line:
    """A bare connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), SOON_S)
        self._file = self.socket.makefile("rb")

    def send(self, data: bytes) -> "Line":
        self.socket.sendall(data)
        return self

    def answer(self, *, to: str = "GET") -> Answer:
        """The next answer; raises where the connection ends instead."""
        first = self._file.readline()
        assert first.startswith(b"HTTP/1."), first
        fields = dict(self._fields())
        bodiless = to == "HEAD" or first.split()[1] in (b"204", b"304", b"100")
        body = b"" if bodiless else self._chunked() if "transfer-encoding" in fields else self._sized(fields)
        return Answer(int(first.split()[1]), fields, body)

    def rest(self) -> bytes:
        """All that comes until the server ends the connection."""
        return self._file.read()

    def close(self) -> None:
        self._file.close()
        self.socket.close()

    def _fields(self) -> Iterator[tuple[str, str]]:
        while (line := self._file.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            yield name.lower(), value.strip()

    def _sized(self, fields: dict[str, str]) -> bytes:
        return self._file.read(int(fields["content-length"])) if "content-length" in fields else self._file.read()

    def _chunked(self) -> bytes:
        pieces = []
        while size := int(self._file.readline(), 16):
            pieces.append(self._file.read(size))
            self._file.readline()
        self._file.readline()
        return b"".join(pieces)


class Server:
    """gunicorn with one of our workers."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int) -> None:
        self.process, self.port = process, port
        self._lines: list[Line] = []

    def line(self) -> Line:
        """A new connection, closed with the test."""
        self._lines.append(Line(self.port))
        return self._lines[-1]

    def hang_up(self, keep: Collection[Line] = ()) -> None:
        """Close every connection but some."""
        for line in self._lines:
            if line not in keep:
                line.close()
        self._lines = list(keep)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)


def _start(worker: str, *options: str) -> Server:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    own = ["--bind", f"127.0.0.1:{port}", "--worker-class", worker, "--threads", "2", "--log-level", "error"]
    command = [sys.executable, "-m", "gunicorn", *own, "--no-control-socket", *options, "tests.api.worker.sample:app"]
    return Server(subprocess.Popen(command, cwd=ROOT, start_new_session=True), port)


@contextlib.contextmanager
def serving(worker: str, *options: str) -> Iterator[Server]:
    """A server that answers, until the block ends."""
    server = _start(worker, *options)
    try:
        _wait_until_listening(server)
        yield server
    finally:
        server.hang_up()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait(SOON_S)


def _wait_until_listening(server: Server) -> None:
    deadline = time.monotonic() + SOON_S
    while time.monotonic() < deadline:
        assert server.process.poll() is None, "the server has ended"
        try:
            line = Line(server.port)
        except OSError:
            time.sleep(0.02)
            continue
        line.send(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n").answer()
        line.close()
        return
    raise AssertionError("the server does not answer")


@pytest.fixture(scope="module")
def patient() -> Iterator[Server]:
    """A server as the API has it, for all tests of a module."""
    with serving("api.worker.worker.Worker", "--keep-alive", "20") as server:
        yield server


@pytest.fixture
def server(patient: Server) -> Iterator[Server]:
    yield patient
    patient.hang_up()
