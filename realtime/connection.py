"""One socket: WebSocket frames in and out, with a bound on what may wait to be read by the other side."""

import asyncio
import socket
from typing import Protocol, cast

from websockets.exceptions import InvalidMessage
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import Protocol as FrameProtocol
from websockets.protocol import Side, State
from websockets.server import ServerProtocol

from realtime import handshake
from realtime.answers import Lagging, encode
from realtime.audience import Burst
from realtime.dialects import JSON, SOCKET_IO, Dialect
from realtime.frames import HEAD_BYTES, frame_end, is_whole_text, text_frame, unmasked_payload
from realtime.hiding import Hidden
from realtime.protocol import FRAME_LIMIT_BYTES, Close
from realtime.socketio import DISCONNECT, PING

SOFT_BOUND_BYTES = 64 * 1024  # beyond it chat is dropped
HARD_BOUND_BYTES = 256 * 1024  # beyond it the connection is closed
ANSWER_BYTES_A_S = 32 * 1024  # a long history has so much more time to be read
KERNEL_BUFFER_BYTES = 128 * 1024
CLOSING_TIME_S = 5
GREETING_LIMIT_BYTES = 16 * 1024  # the first request: all that each of thousands of half-open sockets may cost
GREETING_END = b"\r\n\r\n"
BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Host(Protocol):
    """What a connection needs of the process that it belongs to."""

    origins: list[str | None] | None

    def connected(self, connection: "Connection") -> None: ...

    def answer(self, connection: "Connection", request: Request) -> Response | None:
        """The plain response to a request; None where the WebSocket may open."""

    def opened(self, connection: "Connection") -> None: ...

    def heard(self, connection: "Connection", text: str) -> None: ...

    def heard_binary(self, connection: "Connection") -> None: ...

    def lost(self, connection: "Connection") -> None:
        """The connection hears nothing any more; called once or more."""

    def disconnected(self, connection: "Connection") -> None:
        """The socket is closed."""


class Connection(asyncio.Protocol):
    """The WebSocket protocol is the library's, without I/O; frames for many sockets bypass it, and small whole texts.

    What the handshake needs is dropped after it, or every socket would keep its first request.
    """

    __slots__ = (
        "_dropped", "_fragments", "_greeting", "_host", "_is_binary", "_loop", "_owed", "_partial", "_protocol",
        "_transport",
        "address", "asked", "behind_since", "closed_with", "dialect", "hidden", "is_open", "last_heard_at", "made_at",
        "pinged_at", "was_open",
    )  # fmt: skip

    def __init__(self, host: Host) -> None:
        self._host = host
        self._loop = asyncio.get_running_loop()
        self._greeting: bytes | None = b""
        self._protocol: FrameProtocol | None = None
        self._fragments: list[bytes] | None = None
        self._partial = b""
        self._is_binary = False
        self._dropped = self._owed = 0
        self.dialect: Dialect = JSON
        self.hidden: Hidden = frozenset()
        self.asked: handshake.Request | None = None
        self.address = ""
        self.is_open = self.was_open = False
        self.closed_with: int | None = None
        self.behind_since: float | None = None
        self.made_at = self.last_heard_at = self.pinged_at = self._loop.time()

    # --- what the transport tells -------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=SOFT_BOUND_BYTES)
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER_BYTES)
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if isinstance(peer, tuple) else ""
        self._host.connected(self)

    def data_received(self, data: bytes) -> None:
        self.last_heard_at = self._loop.time()
        if self._greeting is not None:
            data = self._read_greeting(self._greeting + data)
        if data and self._protocol is not None:
            self._read_frames(self._protocol, data)

    def eof_received(self) -> None:
        if self._protocol is not None:
            self._protocol.receive_eof()
            self._flush(self._protocol)
            self._gone()  # what is still being done for it must not close it again

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone()
        self._host.disconnected(self)

    def pause_writing(self) -> None:
        self.behind_since = self._loop.time() + self._owed / ANSWER_BYTES_A_S

    def resume_writing(self) -> None:
        self.behind_since = None
        self._owed = 0
        if self._dropped and self.is_open:
            dropped, self._dropped = self._dropped, 0
            self.send(encode(Lagging(dropped)))

    # --- what the process asks ----------------------------------------------

    def push(self, burst: Burst) -> None:
        """Write frames that were built once for many sockets."""
        if self.hidden:
            burst = burst.seen_by(self.hidden)
        if self.behind_since is None:
            self._transport.write(burst.data)
        else:
            self._push_behind(burst)

    def send(self, event: bytes) -> None:
        """Write one event to this socket alone."""
        self.write(self.dialect.frame(event))

    def write(self, frame: bytes) -> None:
        """Write one frame; closes a connection whose other side lets too much wait."""
        if not self.is_open:
            return
        if self._waiting > HARD_BOUND_BYTES:
            self.close(Close.TOO_SLOW, "reads too slowly")
        else:
            self._owed = max(self._owed, len(frame))
            self._transport.write(frame)

    def ping(self) -> None:
        """Ask the other side for a sign of life."""
        self.pinged_at = self._loop.time()
        if self.dialect is SOCKET_IO:
            self.write(text_frame(PING))
        elif self.is_open and self._protocol is not None:
            self._protocol.send_ping(b"")
            self._flush(self._protocol)

    def close(self, code: int, reason: str = "") -> None:
        """Start the closing handshake; the socket is cut where it is not answered."""
        if not self.is_open or self._protocol is None:
            return
        if code == Close.UNAUTHORIZED and self.dialect is SOCKET_IO:
            self.write(text_frame(DISCONNECT))  # or the stock client comes again and again with the same token
        self.closed_with = code
        self._gone()
        self.resume_reading()  # or the other side's good-bye would never be read
        self._protocol.send_close(code, reason)
        self._flush(self._protocol)
        self._loop.call_later(CLOSING_TIME_S, self._transport.abort)

    def abort(self) -> None:
        """Cut the socket."""
        self._gone()
        self._transport.abort()

    def pause_reading(self) -> None:
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    # --- inside ---------------------------------------------------------------

    @property
    def _waiting(self) -> int:
        """Bytes that wait to be read beside the largest answer, for which the other side has asked: a long history
        over a slow line takes its time, and would be asked for again and again if it ended in a closed socket."""
        return self._transport.get_write_buffer_size() - self._owed

    def _read_greeting(self, received: bytes) -> bytes:
        """Answer the first request once it is whole; returns what came after it."""
        head, end, rest = received.partition(GREETING_END)
        self._greeting = None
        if not end:
            if len(received) > GREETING_LIMIT_BYTES:
                self.abort()
            else:
                self._greeting = received
            return b""
        handshake_protocol = ServerProtocol(origins=self._host.origins)  # type: ignore[arg-type]
        handshake_protocol.receive_data(head + end)
        for request in handshake_protocol.events_received():
            self._shake_hands(handshake_protocol, cast(Request, request))
        if isinstance(handshake_protocol.handshake_exc, InvalidMessage):  # the library ends this without a word
            self._transport.write(BAD_REQUEST)
        self._flush(handshake_protocol)
        if handshake_protocol.state is State.OPEN:
            self._open()
        return rest

    def _shake_hands(self, protocol: ServerProtocol, request: Request) -> None:
        protocol.send_response(self._host.answer(self, request) or protocol.accept(request))

    def _open(self) -> None:
        self._protocol = FrameProtocol(Side.SERVER, state=State.OPEN, max_size=FRAME_LIMIT_BYTES)
        self.is_open = self.was_open = True
        self._host.opened(self)

    def _read_frames(self, protocol: FrameProtocol, data: bytes) -> None:
        """Take whole frames; whoever announces too large a one is the library's to refuse, with all that follows."""
        if self._partial:
            data, self._partial = self._partial + data, b""
        start = 0
        while start < len(data):
            end = frame_end(data, start)
            if end is None or (end > len(data) and end - start <= FRAME_LIMIT_BYTES + HEAD_BYTES):
                self._partial = data[start:]
                return
            is_small = end <= len(data) and end - start <= FRAME_LIMIT_BYTES
            if is_small and self.is_open and protocol.current_size is None and is_whole_text(data, start):
                self._hear(unmasked_payload(data, start, end))
            else:
                self._interpret(protocol, data[start:end])
            start = end

    def _interpret(self, protocol: FrameProtocol, data: bytes) -> None:
        """Let the library read one frame: fragments, pings, good-byes, and whatever is wrong."""
        protocol.receive_data(data)
        for event in protocol.events_received():
            if self.is_open:
                self._take(cast(Frame, event))
        self._flush(protocol)
        if self.is_open and protocol.state is not State.OPEN:
            self._gone()

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.TEXT and frame.fin:
            self._hear(bytes(frame.data))
        elif frame.opcode is Opcode.BINARY and frame.fin:
            self._host.heard_binary(self)
        elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            self._collect(frame)

    def _collect(self, frame: Frame) -> None:
        """Keep a fragment; empty ones are not counted by any bound on size, and are not kept."""
        if frame.opcode is not Opcode.CONT:
            self._is_binary, self._fragments = frame.opcode is Opcode.BINARY, []
        if frame.data and self._fragments is not None:
            self._fragments.append(bytes(frame.data))
        if not frame.fin:
            return
        whole, self._fragments = b"".join(self._fragments or ()), None
        if self._is_binary:
            self._host.heard_binary(self)
        else:
            self._hear(whole)

    def _hear(self, data: bytes) -> None:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self.close(Close.INVALID_DATA, "invalid UTF-8")
            return
        self._host.heard(self, text)

    def _push_behind(self, burst: Burst) -> None:
        self._dropped += burst.messages
        if not burst.essential:
            return
        if self._waiting > HARD_BOUND_BYTES:
            self.close(Close.TOO_SLOW, "reads too slowly")
        else:
            self._transport.write(burst.essential)

    def _flush(self, protocol: FrameProtocol) -> None:
        """Write what the protocol has to say; whoever pings and never reads the pongs is cut."""
        if self._waiting > HARD_BOUND_BYTES + FRAME_LIMIT_BYTES and self.is_open:
            self.abort()
        for data in protocol.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()

    def _gone(self) -> None:
        self.is_open = False
        self._host.lost(self)
