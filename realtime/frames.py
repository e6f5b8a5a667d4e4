"""WebSocket frames made by hand, because one message to a thousand sockets is framed once."""

import struct

TEXT = 0x81  # FIN and opcode 1, RFC 6455 section 5.2


def text_frame(payload: bytes) -> bytes:
    """One unfragmented, unmasked text frame, as a server sends it."""
    size = len(payload)
    if size < 126:
        return bytes((TEXT, size)) + payload
    if size < 65536:
        return struct.pack("!BBH", TEXT, 126, size) + payload
    return struct.pack("!BBQ", TEXT, 127, size) + payload
