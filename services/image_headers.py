"""What the first bytes of a picture say: its kind and size, read without decoding anything.

PNG: W3C PNG, 11.2.1. JPEG: ITU-T T.81, B.2.2. WebP: RFC 9649, 2.4 to 2.7.
"""

import struct
from typing import IO

import msgspec

JPEG, PNG, WEBP = "image/jpeg", "image/png", "image/webp"
HEADER_BYTES = 32

_PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
#: Start-of-frame markers; the three left out open tables (DHT, JPG, DAC).
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE = frozenset((0x01, *range(0xD0, 0xD8)))
_MOST_SEGMENTS = 500


class ImageHeader(msgspec.Struct, frozen=True):
    """A picture's media type and its size in pixels."""

    content_type: str
    width: int
    height: int

    @property
    def pixels(self) -> int:
        return self.width * self.height


def image_header(file: IO[bytes]) -> ImageHeader | None:
    """What the file says of itself at its beginning; None where it is no JPEG, PNG or WebP."""
    start = file.read(HEADER_BYTES)
    if start.startswith(_PNG) and len(start) >= 24:
        return _header(PNG, *struct.unpack(">II", start[16:24]))
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return _webp(start)
    if start.startswith(b"\xff\xd8\xff"):
        file.seek(2)
        return _jpeg(file)
    return None


def _header(content_type: str, width: int, height: int) -> ImageHeader | None:
    return ImageHeader(content_type, width, height) if width > 0 and height > 0 else None


def _webp(start: bytes) -> ImageHeader | None:
    chunk, content = start[12:16], start[20:]
    if chunk == b"VP8X" and len(content) >= 10:
        return _header(WEBP, 1 + int.from_bytes(content[4:7], "little"), 1 + int.from_bytes(content[7:10], "little"))
    if chunk == b"VP8L" and content[:1] == b"\x2f" and len(content) >= 5:
        bits = int.from_bytes(content[1:5], "little")
        return _header(WEBP, 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
    if chunk == b"VP8 " and content[3:6] == b"\x9d\x01\x2a" and len(content) >= 10:
        width, height = struct.unpack("<HH", content[6:10])
        return _header(WEBP, width & 0x3FFF, height & 0x3FFF)
    return None


def _jpeg(file: IO[bytes]) -> ImageHeader | None:
    """Walk over the segments up to the one that opens the frame."""
    for _ in range(_MOST_SEGMENTS):
        marker = _marker(file)
        if marker is None or marker in (0xD9, 0xDA):
            return None
        if marker in _BARE:
            continue
        head = file.read(2)
        size = int.from_bytes(head, "big")
        if len(head) < 2 or size < 2:
            return None
        if marker in _FRAMES:
            frame = file.read(5)
            return _header(JPEG, *struct.unpack(">xHH", frame)[::-1]) if len(frame) == 5 else None
        file.seek(size - 2, 1)
    return None


def _marker(file: IO[bytes]) -> int | None:
    byte = file.read(1)
    if byte != b"\xff":
        return None
    for _ in range(_MOST_SEGMENTS):
        byte = file.read(1)
        if byte != b"\xff":
            return byte[0] if byte and byte != b"\x00" else None
    return None
