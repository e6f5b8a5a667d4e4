"""The server's side of RTMP's opening handshake, which both sides finish before any chunk.

Source: Adobe RTMP 1.0, section 5.2. Only the plain variant is spoken: the zero
field in S1 tells encoders that know the digest variant not to use it.
"""

import os

from ingest.errors import ProtocolError

VERSION = 3
BLOCK_SIZE = 1536


class ServerHandshake:
    """Answer C0 and C1 with S0, S1 and S2, then swallow C2."""

    def __init__(self, random_bytes: bytes | None = None) -> None:
        """Prepare S1; `random_bytes` (1528 of them) may be given to make it predictable."""
        self._filling = random_bytes or os.urandom(BLOCK_SIZE - 8)
        self._received = bytearray()
        self._answered = False
        self._remainder: bytes | None = None

    @property
    def done(self) -> bool:
        """Whether C2 has arrived."""
        return self._remainder is not None

    @property
    def remainder(self) -> bytes:
        """The bytes that followed C2; they belong to the chunk stream."""
        return self._remainder or b""

    def receive(self, data: bytes) -> bytes:
        """Take bytes of the client and return those to send back; raises ProtocolError."""
        self._received += data
        reply = b"" if self._answered else self._answer()
        if self._answered and len(self._received) >= BLOCK_SIZE:
            self._remainder = bytes(self._received[BLOCK_SIZE:])
            self._received.clear()
        return reply

    def _answer(self) -> bytes:
        if self._received and self._received[0] != VERSION:
            raise ProtocolError(f"not RTMP: version {self._received[0]} where 3 was expected")
        if len(self._received) < 1 + BLOCK_SIZE:
            return b""
        client_block = bytes(self._received[1 : 1 + BLOCK_SIZE])
        del self._received[: 1 + BLOCK_SIZE]
        self._answered = True
        server_block = bytes(8) + self._filling
        return bytes((VERSION,)) + server_block + client_block
