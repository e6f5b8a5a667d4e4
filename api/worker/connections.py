"""A connection to the API: what has come on it, and until when it may wait."""

import socket
from contextlib import suppress
from io import BytesIO
from typing import Any

from gunicorn.http.errors import InvalidHeader, LimitRequestHeaders, LimitRequestLine

from api.worker.plain_requests import LONGEST_BODY, LONGEST_HEAD, PlainRequest, read
from api.worker.surroundings import Surroundings

PIECE_BYTES = 1 << 14
#: A head that has not ended by then is refused.
MOST_HEAD_BYTES = 1 << 15
END = b"\r\n\r\n"
TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Connection:
    """One client's socket, which does not block while it waits; one thread at a time has it.

    `unread` is what has come and was not answered yet; `deadline` (monotonic seconds) is when waiting ends.
    """

    __slots__ = (
        "_body_at",
        "_is_arriving",
        "_is_gone",
        "_is_lingering",
        "_plain",
        "_schemes",
        "_surroundings",
        "client",
        "deadline",
        "server",
        "sock",
        "unread",
    )

    def __init__(self, sock: socket.socket, client: Any, server: Any, surroundings: Surroundings) -> None:
        self.sock, self.client, self.server = sock, client, server
        self._surroundings = surroundings.of(client, server)
        self._schemes = surroundings.schemes(client[0]) if self._surroundings else {}
        self.unread, self.deadline = b"", 0.0
        self._is_arriving = self._is_lingering = self._is_gone = False
        self._plain: PlainRequest | None = None
        self._body_at = 0

    def receive(self) -> bool:
        """Take in what has come, if anything; returns whether the client is still there. Raises OSError."""
        try:
            piece = self.sock.recv(PIECE_BYTES)
        except BlockingIOError:
            return True
        self._is_gone = not piece
        if not self._is_lingering:
            self.unread = self.unread + piece if self.unread else piece
        return not self._is_gone

    def is_whole(self) -> bool:
        """Whether there is a request to answer: a plain one with its body, or the head of any other.

        Raises gunicorn's errors for what can become none.
        """
        if self._plain is None:
            end = self.unread.find(END)
            if end < 0:
                self._check_unfinished()
                return False
            self._body_at = end + len(END)
            self._plain = self._read_plain()
            if self._plain is None:
                return True
        return len(self.unread) >= self._body_at + self._plain.body_bytes

    def take_plain(self) -> PlainRequest | None:
        """The whole request, with its body in the environment; None where it is not a plain one, and stays unread."""
        request, self._plain = self._plain, None
        self._is_arriving = False
        if request is not None:
            end = self._body_at + request.body_bytes
            request.environ["wsgi.input"] = BytesIO(self.unread[self._body_at : end])
            self.unread = self.unread[end:]
        return request

    def wait_from(self, now: float, *, idle_s: float, arrival_s: float) -> None:
        """Set the deadline: of an idle connection anew, of a request that is arriving once."""
        if self._is_lingering:
            return
        if not self.unread:
            self.deadline, self._is_arriving = now + idle_s, False
        elif not self._is_arriving:
            self.deadline, self._is_arriving = now + arrival_s, True

    def part(self, until: float) -> bool:
        """Say that nothing more comes; returns whether to wait for the client, who may still read, to go.

        A socket that is closed while something is unread would take the last answer with it (RFC 9112, section 9.6).
        """
        if self._is_gone or self._is_lingering:
            return False
        try:
            self.sock.setblocking(False)
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            return False
        self._is_lingering, self.unread, self.deadline = True, b"", until
        return True

    def has_news(self) -> bool:
        """Whether something has come that nobody has read yet, as every thread may be busy."""
        try:
            return not self._is_lingering and bool(self.sock.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def give_up(self) -> None:
        """Tell a client whose request did not arrive in time."""
        if self._is_arriving and not self._is_lingering:
            with suppress(OSError):
                self.sock.send(TOO_SLOW)

    def take_unread(self) -> bytes:
        """What has come, for another reader."""
        unread, self.unread = self.unread, b""
        return unread

    def _read_plain(self) -> PlainRequest | None:
        if self._surroundings is None:
            return None
        found = read(self.unread[: self._body_at], self._surroundings, self._schemes)
        return found if found and found.body_bytes <= LONGEST_BODY else None

    def _check_unfinished(self) -> None:
        """Refuse a head that cannot end well, instead of waiting for its end."""
        line = self.unread.find(b"\r\n")
        if (line if line >= 0 else len(self.unread)) > LONGEST_HEAD:
            raise LimitRequestLine(len(self.unread), LONGEST_HEAD)
        if self.unread.count(b"\n") != self.unread.count(b"\r\n"):
            raise InvalidHeader("bare LF as line terminator")
        if len(self.unread) > MOST_HEAD_BYTES:
            raise LimitRequestHeaders("max buffer headers")
