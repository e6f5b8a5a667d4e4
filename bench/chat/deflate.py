"""`python -m bench.chat.deflate`: what permessage-deflate (RFC 7692) would save and cost, by size of message and room.

Shared: each message compressed once for all its readers (no context takeover). Own: each socket
has its own dictionary of what it got before. The send that is saved or not is measured on
loopback elsewhere (about 5 us a socket); here is what compression adds to it.
"""

import random
import tracemalloc
import zlib
from time import process_time

from services.ids import new_id

COUNT = 400
ROOMS = (1, 20, 1000)
TEXTS = (12, 60, 200, 500)
WORDS = [
    "good",
    "game",
    "what",
    "a",
    "play",
    "that",
    "was",
    "so",
    "close",
    "hello",
    "from",
    "berlin",
    "again",
    "first",
    "time",
    "here",
    "love",
    "this",
    "stream",
    "lol",
]


def main() -> None:
    """Print a table."""
    print(f"{'text':>5}{'frame':>7}{'shared':>8}{'own':>7}{'shared us':>11}{'own us':>8}", end="")
    print("".join(f"{f'x{room} shared/own us':>22}" for room in ROOMS))
    for size in TEXTS:
        events = [_event(size) for _ in range(COUNT)]
        plain = sum(map(len, events)) / COUNT
        shared_bytes, shared_us = _measured(events, takes_over=False)
        own_bytes, own_us = _measured(events, takes_over=True)
        print(f"{size:>5}{plain:>7.0f}{shared_bytes / plain:>8.2f}{own_bytes / plain:>7.2f}", end="")
        print(f"{shared_us:>11.1f}{own_us:>8.1f}", end="")
        print("".join(f"{f'{shared_us:.0f} / {own_us * room:.0f}':>22}" for room in ROOMS))
    print(f"one compressor: {_compressor_kb(15, 8):.0f} KB by default, {_compressor_kb(9, 1):.0f} KB at the least")


def _event(size: int) -> bytes:
    text = ""
    while len(text) < size:
        text += random.choice(WORDS) + " "
    return (
        f'{{"type":"new_message","room":"stream:{new_id()}","id":"{new_id()}","seq":{random.randrange(10**5)},'
        f'"text":"{text[:size]}","author":{{"id":"{new_id()}","username":"person_{random.randrange(10**4)}",'
        '"name":"Some Person","avatar":null,"badges":[]},"isPinned":false,"isDeleted":false,"replyTo":null,'
        '"createdAt":"2026-01-01T12:00:00.000000Z"}'
    ).encode()


def _measured(events: list[bytes], *, takes_over: bool) -> tuple[float, float]:
    """Bytes and microseconds of CPU for each message."""
    began, size = process_time(), 0
    compressor = zlib.compressobj(6, zlib.DEFLATED, -15)
    for event in events:
        if not takes_over:
            compressor = zlib.compressobj(6, zlib.DEFLATED, -15)
        size += len(compressor.compress(event) + compressor.flush(zlib.Z_SYNC_FLUSH)) - 4
    return size / len(events), (process_time() - began) / len(events) * 1e6


def _compressor_kb(window_bits: int, memory_level: int) -> float:
    tracemalloc.start()
    kept = [zlib.compressobj(6, zlib.DEFLATED, -window_bits, memory_level) for _ in range(20)]
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size / len(kept) / 1024


if __name__ == "__main__":
    main()
