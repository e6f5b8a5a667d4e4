"""What time it is, said in one place so that a test can say it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_frozen: ContextVar[datetime | None] = ContextVar("frozen_clock", default=None)


def now() -> datetime:
    """The time, with its zone (UTC)."""
    return _frozen.get() or datetime.now(UTC)


@contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Make `now` answer `at` inside the block."""
    token = _frozen.set(at)
    try:
        yield
    finally:
        _frozen.reset(token)
