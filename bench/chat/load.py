"""The load: many raw sockets in one thread, counting markers, so that any framing is comparable.

Every message carries `^` and eight hexadecimal digits. All readers count the `^` that they
receive, without taking frames apart; some of them, the witnesses, also time each message from the
moment of sending to each of them, and to the last one.
"""

import re
import select
import socket
import struct
from time import perf_counter
from typing import Any

import msgspec

MARKER = re.compile(rb"\^([0-9a-f]{8})")
HANDSHAKE = (
    "GET /ws HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
PADDING = "x" * 40
SPLIT = 16  # bytes kept between two reads, as a marker may be cut in two
WITNESS_EVERY = 20


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to do: `rate` messages a second, or (0) `window` messages under way at any time."""

    ports: list[int]
    room: str
    tokens: list[str]
    viewers: int
    rate: int = 0
    window: int = 32
    seconds: float = 5
    warm_up_s: float = 1


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen; times in milliseconds."""

    messages_per_s: float
    deliveries_per_s: float
    heard_p50_ms: float
    heard_p99_ms: float
    last_p50_ms: float
    last_p99_ms: float
    messages_per_read: float
    lost: int


class Load:
    """The sockets of one run: all listen, those with a token also write."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._tails: dict[int, bytes] = {}
        self._writers: list[socket.socket] = []
        self._sent_at: list[float] = []
        self._left: list[int] = []  # witnesses that have not heard a message yet
        self._heard: list[float] = []
        self._last: list[float] = []
        self._reads = self._delivered = self._delivered_before = 0
        self._is_measuring, self._is_sending = False, True

    def connect(self) -> None:
        """Open and join with every socket."""
        for number in range(self._plan.viewers):
            token = self._plan.tokens[number] if number < len(self._plan.tokens) else None
            sock = _joined(self._plan.ports[number % len(self._plan.ports)], self._plan.room, token)
            sock.setblocking(False)
            self._sockets[sock.fileno()] = sock
            if number % WITNESS_EVERY == 0 or number == self._plan.viewers - 1:
                self._tails[sock.fileno()] = b""
            self._poll.register(sock, select.EPOLLIN)
            if token is not None:
                self._writers.append(sock)

    def run(self) -> Result:
        """Send and listen for the planned time, then a second for what is still under way."""
        plan, began = self._plan, perf_counter()
        measured_from, ends = began + plan.warm_up_s, began + plan.warm_up_s + plan.seconds
        if not plan.rate:
            for _ in range(plan.window):
                self._send()
        while (now := perf_counter()) < ends:
            if not self._is_measuring and now >= measured_from:
                self._begin_measuring()
            self._keep_up(now - began)
            self._read(0.002 if plan.rate else 0.05)
        self._is_measuring = self._is_sending = False
        delivered = self._delivered - self._delivered_before
        while self._lost and perf_counter() < ends + 1:
            self._read(0.05)
        return self._result(delivered)

    def close(self) -> None:
        for sock in self._sockets.values():
            sock.close()
        self._poll.close()

    def _begin_measuring(self) -> None:
        self._heard.clear()
        self._last.clear()
        self._reads, self._delivered_before, self._is_measuring = 0, self._delivered, True

    @property
    def _lost(self) -> int:
        return len(self._sent_at) * len(self._sockets) - self._delivered

    def _keep_up(self, elapsed_s: float) -> None:
        while self._plan.rate and len(self._sent_at) < elapsed_s * self._plan.rate:
            self._send()

    def _send(self) -> None:
        number = len(self._sent_at)
        writer = self._writers[number % len(self._writers)]
        self._sent_at.append(perf_counter())
        self._left.append(len(self._tails))
        writer.send(client_frame({"type": "chat", "text": f"^{number:08x}{PADDING}"}))

    def _read(self, timeout_s: float) -> None:
        for descriptor, _ in self._poll.poll(timeout_s):
            try:
                data = self._sockets[descriptor].recv(1 << 18)
            except BlockingIOError:
                continue
            if not data:
                raise ConnectionError("the server closed a socket")
            self._reads += self._is_measuring
            self._delivered += data.count(b"^")
            if descriptor in self._tails:
                self._witness(descriptor, data)

    def _witness(self, descriptor: int, data: bytes) -> None:
        whole, now = self._tails[descriptor] + data, perf_counter()
        end = 0
        for found in MARKER.finditer(whole):
            end = found.end()
            number = int(found[1], 16)
            self._left[number] -= 1
            delay = now - self._sent_at[number]
            if self._is_measuring:
                self._heard.append(delay)
            if not self._left[number]:
                self._finished(delay)
        self._tails[descriptor] = whole[max(end, len(whole) - SPLIT) :]

    def _finished(self, delay: float) -> None:
        if self._is_measuring:
            self._last.append(delay)
        if not self._plan.rate and self._is_sending:
            self._send()

    def _result(self, delivered: int) -> Result:
        return Result(
            messages_per_s=round(len(self._last) / self._plan.seconds, 1),
            deliveries_per_s=round(delivered / self._plan.seconds),
            heard_p50_ms=_percentile(self._heard, 0.5),
            heard_p99_ms=_percentile(self._heard, 0.99),
            last_p50_ms=_percentile(self._last, 0.5),
            last_p99_ms=_percentile(self._last, 0.99),
            messages_per_read=round(delivered / max(1, self._reads), 1),
            lost=self._lost,
        )


def _joined(port: int, room: str, token: str | None) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(HANDSHAKE.format(host="127.0.0.1", port=port).encode())
    _read_until(sock, b"\r\n\r\n")
    sock.sendall(client_frame({"type": "join", "room": room, "token": token, "since": 2**50}))
    _read_until(sock, b'"viewerCount"')
    return sock


def _read_until(sock: socket.socket, wanted: bytes) -> None:
    data = b""
    while wanted not in data:
        received = sock.recv(65536)
        if not received:
            raise ConnectionError(f"the server closed a socket after {data[-200:]!r}")
        data += received


def client_frame(message: dict[str, Any]) -> bytes:
    """A client's text frame, masked with zeros."""
    payload = msgspec.json.encode(message)
    size = len(payload)
    head = struct.pack("!BB", 0x81, 0x80 | size) if size < 126 else struct.pack("!BBH", 0x81, 0x80 | 126, size)
    return head + bytes(4) + payload


def _percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000, 2) if ordered else float("nan")
