"""`python -m tests.realtime.fuzz PORT [--minutes N] [--seed N]`: frames that nobody would send, at a running server.

Everything is drawn from one seed: broken handshakes, frames of every opcode and length, fragments with control
frames between, bad masks, bad UTF-8, compressed frames, lengths beyond all memory, JSON without end, numbers out of
range, commands with pieces exchanged, Socket.IO packets; beside them loiterers, who take minutes over a handshake. It
is for whoever calls this to say what must still hold afterwards.
"""

import argparse
import contextlib
import json
import socket
import struct
import sys
import threading
import zlib
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
        self._kinds: list[Callable[[], bytes]] = [
            self._command, self._command, self._packet, self._fragments, self._control, self._unreadable, self._bomb,
            self._frame, self._noise,
        ]  # fmt: skip
        self._weights = (8, 8, 6, 4, 4, 1, 3, 1, 1)  # most sockets are to live for a while
        self.sockets = self.frames = 0

    def run(self, seconds: float, least_frames: int = 0, most_seconds: float = 60) -> None:
        """Go on for so long, and until so many frames were sent, unless that takes too long."""
        began_at = monotonic()
        while (spent := monotonic() - began_at) < seconds or (self.frames < least_frames and spent < most_seconds):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=2) as sock:
                self._torment(sock)

    def _torment(self, sock: socket.socket) -> None:
        self.sockets += 1
        greeting = GREETING % self._chance.choice(PATHS)
        sock.sendall(self._damaged(greeting) if self._chance.random() < 0.15 else greeting)
        if self._chance.random() < 0.8:
            sock.recv(4096)
        for _ in range(self._chance.randint(1, 60)):
            sock.sendall(self._chance.choices(self._kinds, self._weights)[0]())
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

    def _fragments(self) -> bytes:
        """One text in pieces, control frames between them; at times without a beginning, or never ended."""
        text = json.dumps({"type": self._chance.choice([*COMMANDS]), "text": "é" * 40, "room": "stream:x"}).encode()
        cuts = sorted(self._chance.randrange(len(text)) for _ in range(self._chance.randint(0, 30)))
        pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        frames = [self._framed(0x01 if n == 0 else 0x00, piece) for n, piece in enumerate(pieces)]
        frames.append(self._framed(0x80, b""))
        for _ in range(self._chance.randint(0, 3)):
            frames.insert(self._chance.randrange(len(frames)), self._framed(0x89, b"between"))
        if self._chance.random() < 0.1:
            frames.pop(self._chance.choice((0, -1)))
        return b"".join(frames)

    def _control(self) -> bytes:
        """Pings and pongs, most of them lawful; closing with codes that nobody may send."""
        kind = self._chance.choices((0x89, 0x8A, 0x88, 0x09), (20, 10, 1, 1))[0]
        if kind == 0x88:
            code = struct.pack("!H", self._chance.choice((0, 999, 1000, 1005, 1006, 1015, 5000, 65535)))
            return self._framed(kind, self._chance.choice((b"", b"\x03", code, code + b"\xff\xfe")))
        return self._framed(kind, self._chance.randbytes(self._chance.choices((0, 4, 125, 126), (10, 10, 10, 1))[0]))

    def _unreadable(self) -> bytes:
        """Bytes that are no UTF-8, and frames marked as compressed, which nobody agreed to."""
        if self._chance.random() < 0.5:
            return self._framed(0xC1, zlib.compress(b'{"type":"ping"}' * self._chance.randint(1, 500))[2:-4])
        return self._framed(0x81, self._chance.choice((b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b'{"type":"\xf5"}')))

    def _bomb(self) -> bytes:
        """JSON as deep as a frame allows, numbers beyond every type, fields that nobody knows."""
        deep = self._chance.randint(100, 2700)
        text = self._chance.choice((
            "[" * deep, '{"type":"ping","x":' + "[" * deep + "]" * deep + "}", '42["ping",' + '{"a":' * deep,
            '{"type":"ping","id":' + "9" * deep + "}", '{"type":"join","room":"stream:x","since":-1e309}',
            '{"type":"timeout_user","userId":"x","seconds":1e30}', '421' + "9" * deep + '["ping"]',
            json.dumps({"type": "ping", **{f"field{n}": n for n in range(deep // 3)}}),
            '{"type":"ping",' + '"type":"ping",' * (deep // 2) + '"id":1}',
        ))  # fmt: skip
        return self._framed(0x81, text.encode())

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


class Loiterers:
    """Sockets that begin a request and do not end it; those that are cut come again."""

    def __init__(self, port: int, count: int, header: bytes = b"X-Slow: " + b"x" * 8000) -> None:
        self._port, self._count, self._header = port, count, header
        self._sockets: list[socket.socket] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._loiter)
        self.came = 0

    def __enter__(self) -> "Loiterers":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        for sock in self._sockets:
            sock.close()

    def _loiter(self) -> None:
        while not self._ended.wait(0.2):
            self._sockets = [sock for sock in self._sockets if self._drips(sock)]
            with contextlib.suppress(OSError):
                while len(self._sockets) < self._count and not self._ended.is_set():
                    self._sockets.append(self._one_more())

    def _one_more(self) -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", self._port), timeout=2)
        sock.sendall(b"GET /ws HTTP/1.1\r\n" + self._header)
        self.came += 1
        return sock

    @staticmethod
    def _drips(sock: socket.socket) -> bool:
        """Send one byte more; False where the server has had enough."""
        with contextlib.suppress(OSError):
            sock.send(b"x")
            sock.setblocking(False)
            try:
                sock.recv(1)
            except BlockingIOError:
                sock.settimeout(2)
                return True
        sock.close()
        return False


def main() -> None:
    """Torment the server on a port of this machine."""
    parser = argparse.ArgumentParser(prog="python -m tests.realtime.fuzz")
    parser.add_argument("port", type=int)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**9))
    parser.add_argument("--loiterers", type=int, default=200, help="how many handshakes are open and never end")
    options = parser.parse_args()
    fuzzer = Fuzzer(options.port, options.seed)
    with Loiterers(options.port, options.loiterers) as loiterers:
        fuzzer.run(options.minutes * 60)
    sys.stdout.write(f"seed {options.seed}: {fuzzer.frames} frames on {fuzzer.sockets} sockets, ")
    sys.stdout.write(f"{loiterers.came} handshakes without end\n")


if __name__ == "__main__":
    main()
