"""A body that is read while the application asks for it, from a client that may be slow, but not without end."""

import socket
from time import monotonic

from gunicorn.http.unreader import SocketUnreader

#: So long a body may take, and a second more for each so many bytes that have come.
PATIENCE_S = 30.0
SLOWEST_BYTES_PER_S = 4096


class PatientUnreader(SocketUnreader):
    """What has come on a socket, and then what comes; ends early, as if the client had gone, for one that dawdles."""

    def __init__(self, sock: socket.socket, received: bytes) -> None:
        super().__init__(sock)
        self.unread(received)
        self.has_ended = False
        self._began_at, self._got = monotonic(), 0

    def chunk(self, size_hint: int | None = None) -> bytes:
        """The next piece, or nothing at the end or past all patience."""
        left_s = self._began_at + PATIENCE_S + self._got / SLOWEST_BYTES_PER_S - monotonic()
        if left_s <= 0 or self.has_ended:
            self.has_ended = True
            return b""
        self.sock.settimeout(left_s)
        try:
            piece: bytes = super().chunk(size_hint)
        except TimeoutError:
            piece = b""
        self._got += len(piece)
        self.has_ended = not piece
        return piece
