"""`python -m tests.realtime.fuzz PORT [--minutes N] [--seed N]`: frames that nobody would send, at a running server.

Everything is drawn from one seed: broken handshakes, frames of every opcode and length, fragments, bad masks,
commands with pieces exchanged, Socket.IO packets. It is for whoever calls this to say what must
still hold afterwards.
"""

import argparse
import contextlib
import json
import socket
import struct
import sys
from collections.abc import Callable
from random import Random, SystemRandom
from time import monotonic
from typing import Any

from realtime.protocol import COMMANDS

GREETING = (
    b"GET %b HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
PATHS = (b"/ws", b"/ws/chat/x", b"/ws/chat/" + b"0" * 36, b"/socket.io/?EIO=4&transport=websocket", b"/ws?token=x")
FIELDS = ("id", "room", "streamId", "token", "since", "text", "message", "replyTo", "messageId", "pollId", "userId")
ODD: tuple[Any, ...] = (
    None, True, -1, 2**63, 2**200, 1.5, "", "\x00", "é" * 90, "\ud800", [], [[]] * 9, {}, {"a": {"b": []}},
    "stream:x", "stream:" + "0" * 36, "channel:00000000-0000-0000-0000-000000000000", "x" * 600, "x" * 9000,
)  # fmt: skip


class Fuzzer:
    """Draws what is sent, and sends it on sockets that the server may close at any time."""

    def __init__(self, port: int, seed: int) -> None:
        self._port, self._chance = port, Random(seed)
        self._kinds: list[Callable[[], bytes]] = [self._command, self._command, self._packet, self._frame, self._noise]
        self.sockets = self.frames = 0

    def run(self, seconds: float) -> None:
        """Go on for so long."""
        until = monotonic() + seconds
        while monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=2) as sock:
                self._torment(sock)

    def _torment(self, sock: socket.socket) -> None:
        self.sockets += 1
        greeting = GREETING % self._chance.choice(PATHS)
        sock.sendall(self._damaged(greeting) if self._chance.random() < 0.15 else greeting)
        if self._chance.random() < 0.8:
            sock.recv(4096)
        for _ in range(self._chance.randint(1, 60)):
            sock.sendall(self._chance.choice(self._kinds)())
            self.frames += 1
            if self._chance.random() < 0.1:
                sock.settimeout(0.01)
                with contextlib.suppress(TimeoutError):
                    sock.recv(65536)
                sock.settimeout(2)

    def _command(self) -> bytes:
        said: dict[str, Any] = {"type": self._chance.choice([*COMMANDS, "no_such", None, 7])}
        for field in self._chance.sample(FIELDS, self._chance.randint(0, 4)):
            said[field] = self._chance.choice(ODD)
        text = json.dumps(said).encode()
        return self._framed(0x81, self._damaged(text) if self._chance.random() < 0.2 else text)

    def _packet(self) -> bytes:
        event = json.dumps([self._chance.choice([*COMMANDS, 1, "x"]), self._chance.choice(ODD)])
        head = self._chance.choice(
            ("40", "41", "42", "42" + "9" * 30, "43", "44/x,", "451-", "2", "3", "1", "6", "4", "")
        )
        return self._framed(0x81, (head + event).encode(errors="surrogatepass"))

    def _frame(self) -> bytes:
        """Any opcode, reserved bits and fragments included."""
        return self._framed(
            self._chance.randrange(256), self._chance.randbytes(self._chance.choice((0, 1, 125, 126, 900)))
        )

    def _noise(self) -> bytes:
        """Bytes that are no frame, or a frame that promises more than there is room for."""
        if self._chance.random() < 0.5:
            return self._chance.randbytes(self._chance.randint(1, 300))
        return struct.pack("!BBQ", 0x81, 0xFF, self._chance.choice((2**14 + 1, 2**31, 2**63))) + bytes(64)

    def _framed(self, first: int, payload: bytes) -> bytes:
        mask = self._chance.randbytes(4)
        size = len(payload)
        head = (
            struct.pack("!BB", first, 0x80 | size) if size < 126 else struct.pack("!BBH", first, 0xFE, min(size, 65535))
        )
        if self._chance.random() < 0.03:
            head = bytes([head[0], head[1] & 0x7F]) + head[2:]  # not masked, as a client's must be
        return head + mask + bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload[:65535]))

    def _damaged(self, data: bytes) -> bytes:
        changed = bytearray(data)
        for _ in range(self._chance.randint(1, 4)):
            changed[self._chance.randrange(len(changed))] = self._chance.randrange(256)
        return bytes(changed[: self._chance.randint(1, len(changed))] if self._chance.random() < 0.3 else changed)


def main() -> None:
    """Torment the server on a port of this machine."""
    parser = argparse.ArgumentParser(prog="python -m tests.realtime.fuzz")
    parser.add_argument("port", type=int)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**9))
    options = parser.parse_args()
    fuzzer = Fuzzer(options.port, options.seed)
    fuzzer.run(options.minutes * 60)
    sys.stdout.write(f"seed {options.seed}: {fuzzer.frames} frames on {fuzzer.sockets} sockets\n")


if __name__ == "__main__":
    main()
