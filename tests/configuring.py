"""Other settings for the length of a block."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from services.bus import bus
from settings import Settings


@contextmanager
def configured(**changes: object) -> Iterator[Settings]:
    """Run the block with some settings changed."""
    before = bus.settings
    bus.settings = msgspec.structs.replace(before, **changes)
    try:
        yield bus.settings
    finally:
        bus.settings = before
