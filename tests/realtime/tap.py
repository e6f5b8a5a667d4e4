"""A pipe to Redis that a test can shut and open again."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Tap:
    """Listens on a Unix socket and passes everything on to Redis while it is open."""

    def __init__(self, redis_url: str, folder: Path) -> None:
        parts = urlsplit(redis_url)
        self._target = unquote(parts.path)
        self._path = folder / "tap.sock"
        self.url = f"unix://{self._path}?{parts.query}"
        self._pairs: list[socket.socket] = []
        self._listener: socket.socket | None = None

    def open(self) -> None:
        """Take connections."""
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._listener.listen()
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def shut(self) -> None:
        """Cut every connection and refuse new ones."""
        if self._listener is not None:
            _close(self._listener)
            self._listener = None
        self._path.unlink(missing_ok=True)
        for end in self._pairs:
            _close(end)
        self._pairs.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(self._target)
            self._pairs += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=_copy, args=(source, sink), daemon=True).start()


@contextlib.contextmanager
def open_tap(redis_url: str, folder: Path) -> Iterator[Tap]:
    """A tap, open inside the block."""
    tap = Tap(redis_url, folder)
    tap.open()
    try:
        yield tap
    finally:
        tap.shut()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    _close(source)
    _close(sink)


def _close(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
