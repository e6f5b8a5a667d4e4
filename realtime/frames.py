"""WebSocket frames made and found by hand: one message to a thousand sockets is framed once, and nearly all that
clients send are small whole texts, which need no more than this."""

import struct

try:
    from websockets.speedups import apply_mask
except ImportError:  # where no wheel of the library has it compiled
    from websockets.utils import apply_mask

TEXT = 0x81  # FIN and opcode 1, RFC 6455 section 5.2
MASKED = 0x80
MASK_BYTES = 4
HEAD_BYTES = 14  # at most: two, eight for the length, four for the mask


def text_frame(payload: bytes) -> bytes:
    """One unfragmented, unmasked text frame, as a server sends it."""
    size = len(payload)
    if size < 126:
        return bytes((TEXT, size)) + payload
    if size < 65536:
        return struct.pack("!BBH", TEXT, 126, size) + payload
    return struct.pack("!BBQ", TEXT, 127, size) + payload


def frame_end(data: bytes, start: int) -> int | None:
    """Where the frame that begins at `start` ends, by what its head says; None where the head is not whole yet."""
    if len(data) < start + 2:
        return None
    is_masked, size = data[start + 1] & MASKED, data[start + 1] & 0x7F
    after_size = start + 2
    if size >= 126:
        after_size += 2 if size == 126 else 8
        if len(data) < after_size:
            return None
        size = int.from_bytes(data[start + 2 : after_size], "big")
    return after_size + (MASK_BYTES if is_masked else 0) + size


def is_whole_text(data: bytes, start: int) -> bool:
    """Whether the frame at `start` is one masked, unfragmented text, without extension bits."""
    return data[start] == TEXT and data[start + 1] >= MASKED


def unmasked_payload(data: bytes, start: int, end: int) -> bytes:
    """What a masked frame carries; the lengths are those that `frame_end` has read."""
    size = data[start + 1] & 0x7F
    mask_at = start + (2 if size < 126 else 4 if size == 126 else 10)
    after_mask = mask_at + MASK_BYTES
    return apply_mask(data[after_mask:end], data[mask_at:after_mask])
