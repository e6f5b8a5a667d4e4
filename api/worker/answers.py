"""An answer on its way out: head and body in one write where the body is whole, or else as gunicorn writes it."""

import re
import socket
from collections.abc import Callable, Iterable
from time import time
from typing import Any

from gunicorn import SERVER
from gunicorn.http.wsgi import FileWrapper, Response
from gunicorn.util import hop_headers, http_date

#: So long a client may take nothing of what it is sent.
STALL_S = 30.0
#: A larger body is not worth a copy behind its head.
ONE_PIECE_BYTES = 1 << 17

_STATUS = re.compile(r"[2-5][0-9]{2}(?: [\t\x20-\x7e\x80-\xff]*)?")
_BODILESS = ("204", "304")
_FIELDS = re.compile(rb"(?:[A-Za-z0-9!#$%&'*+.^_`|~-]+: [\t\x20-\x7e\x80-\xff]*\r\n)*")


class Asked:
    """What gunicorn's way of writing wants to know of a request."""

    version = (1, 1)

    def __init__(self, method: str, *, closes: bool) -> None:
        self.method, self._closes = method, closes

    def should_close(self) -> bool:
        """Whether nothing more is to come on the connection."""
        return self._closes


class Answer:
    """The answer to one request."""

    __slots__ = ("_asked", "_config", "_headers", "_response", "_sock", "_status")

    def __init__(self, sock: socket.socket, asked: Asked, config: Any) -> None:
        self._sock, self._asked, self._config = sock, asked, config
        self._status: str = ""
        self._headers: list[tuple[str, str]] = []
        self._response: Any = None

    @property
    def is_begun(self) -> bool:
        """Whether some of it may have left already."""
        return self._response is not None and bool(self._response.headers_sent)

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        """WSGI's (PEP 3333)."""
        if self._response is not None:
            self._response.start_response(status, headers, exc_info)
        elif self._status and not exc_info:
            raise AssertionError("the answer has begun already")
        self._status, self._headers = status, headers
        return self._write

    def send(self, pieces: Iterable[bytes]) -> bool:
        """Send it; returns whether another may follow on the connection. Raises OSError where the client is gone."""
        whole = self._whole(pieces)
        if whole is None:
            return self._send_in_pieces(pieces)
        _send(self._sock, whole)
        return not self._asked.should_close()

    def _write(self, piece: bytes) -> None:
        self._as_gunicorn().write(piece)

    def _as_gunicorn(self) -> Any:
        """gunicorn's own writer of what was started; the socket blocks from here on."""
        if self._response is None:
            self._sock.settimeout(STALL_S)
            response = Response(self._asked, self._sock, self._config)
            response.start_response(self._status, self._headers)
            self._response = response
        return self._response

    def _send_in_pieces(self, pieces: Iterable[bytes]) -> bool:
        if isinstance(pieces, FileWrapper):
            self._as_gunicorn().write_file(pieces)
        else:
            for piece in pieces:  # an application may start its answer with the first of them
                self._as_gunicorn().write(piece)
        response = self._as_gunicorn()
        response.close()
        self._sock.setblocking(False)
        return not response.should_close()

    def _whole(self, pieces: Iterable[bytes]) -> bytes | None:
        """All of an answer of one piece that says its length; None for any other."""
        if type(pieces) is not list or len(pieces) != 1 or self._response is not None:
            return None
        body, length = pieces[0], None
        lines = [f"HTTP/1.1 {self._status}\r\n{_own_fields(closes=self._asked.should_close())}"]
        for name, value in self._headers:
            lowered = name.lower()
            if lowered == "content-length":
                length = value
            elif lowered in hop_headers:
                return None
            lines.append(f"{name}: {value}\r\n")
        if length != str(len(body)) or len(body) > ONE_PIECE_BYTES or not _STATUS.fullmatch(self._status):
            return None
        if self._asked.method == "HEAD" or self._status.startswith(_BODILESS):
            return None
        fields = "".join(lines[1:]).encode("latin-1")
        if fields.count(b"\n") != len(lines) - 1 or not _FIELDS.fullmatch(fields):
            return None  # gunicorn names the one that is wrong
        return b"%b%b\r\n%b" % (lines[0].encode("latin-1"), fields, body)


class _OwnFields:
    """The fields that the server itself adds, made once a second."""

    def __init__(self) -> None:
        self.second = 0
        self.keeping = self.closing = ""

    def renew(self, second: int) -> None:
        common = f"Server: {SERVER}\r\nDate: {http_date(second)}\r\nConnection: "
        self.keeping, self.closing = f"{common}keep-alive\r\n", f"{common}close\r\n"
        self.second = second


_own = _OwnFields()


def _own_fields(*, closes: bool) -> str:
    second = int(time())
    if second != _own.second:
        _own.renew(second)
    return _own.closing if closes else _own.keeping


def _send(sock: socket.socket, data: bytes) -> None:
    """Send all of it on a socket that does not block; what does not fit at once may take a while."""
    try:
        sent = sock.send(data)
    except BlockingIOError:
        sent = 0
    if sent < len(data):
        sock.settimeout(STALL_S)
        sock.sendall(memoryview(data)[sent:])
        sock.setblocking(False)
