"""Frames as a server sends them, taken apart again."""

import json
from typing import Any


def events_in(data: bytes) -> list[Any]:
    """The JSON of each unmasked text frame; Socket.IO's packets without their digits."""
    found = []
    while data:
        size, head = (data[1], 2) if data[1] < 126 else (int.from_bytes(data[2:4], "big"), 4)
        found.append(json.loads(data[head : head + size].removeprefix(b"42")))
        data = data[head + size :]
    return found
