"""A clock for the processes of a stack alone: they are told another time of day than the machine's, by libfaketime.

It is preloaded into each of them, stores included, and reads from a file how far ahead they are; time that merely
passes goes on as it does where a clock is set. libfaketime also stands between a program and its waits, under a
lock that a process which forks may leave locked for ever to its child, as Python's do sooner or later. So what is
preloaded is a copy of it that offers no functions by those names: programs find the system's own instead.
"""

import importlib.util
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import requests

from tests.e2e.stack import Stack, until

WAITS = (b"pthread_cond_init", b"pthread_cond_timedwait", b"pthread_cond_destroy")
TOLERANCE = timedelta(seconds=30)
#: Of so many answers on new connections each process of the API gives some.
ASKED = 20


class OwnClock:
    """The file that a stack's processes look at every second, and the settings that make them."""

    def __init__(self, folder: Path) -> None:
        """`folder` is one that PostgreSQL's account reaches."""
        assert sysconfig.get_config_var("HAVE_SEM_CLOCKWAIT"), "this Python waits by the time of day: another is needed"
        self._told = folder / "clock"
        self._library = folder / "libfaketime.so"
        self._library.write_bytes(without_waits(_library().read_bytes()))
        self.ahead(timedelta())

    @property
    def settings(self) -> dict[str, str]:
        """What to start a stack with."""
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._told),
            "FAKETIME_CACHE_DURATION": "0",  # how many seconds more than the running one it may be remembered
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def ahead(self, step: timedelta) -> None:
        """Have all processes be so far ahead of the machine; each hears of it within a second."""
        fresh = self._told.with_suffix(".new")
        fresh.write_text(f"{step.total_seconds():+.0f}")
        fresh.replace(self._told)

    def set(self, stack: Stack, step: timedelta) -> None:
        """The same, and wait until the API has heard: all of its processes, of which any may answer."""
        self.ahead(step)
        until(lambda: all(_is_ahead(stack, step) for _ in range(ASKED)), 30, lambda: time_of(stack))

    @contextmanager
    def at(self, stack: Stack, step: timedelta) -> Iterator[None]:
        """The clock set for the length of the block, and then set back."""
        self.set(stack, step)
        try:
            yield
        finally:
            self.set(stack, timedelta())


def time_of(stack: Stack) -> datetime:
    """What the API takes for the time."""
    return parsedate_to_datetime(requests.get(f"{stack.url}/health", timeout=10).headers["Date"])


def _is_ahead(stack: Stack, step: timedelta) -> bool:
    return abs(time_of(stack) - datetime.now(UTC) - step) < TOLERANCE


def without_waits(library: bytes) -> bytes:
    """libfaketime as it is, but for the names under which it offers its waits: nobody looks for the new ones."""
    for name in WAITS:
        exported = b"\0" + name + b"\0"  # first among the names that it exports, then among those that it looks up
        assert library.count(exported) == 2, f"another libfaketime than the one that was tried: {name!r}"
        library = library.replace(exported, b"\0" + name.upper() + b"\0", 1)
    return library


def _library() -> Path:
    package = importlib.util.find_spec("libfaketime")
    assert package and package.origin, "its wheel holds a library for Linux on x86-64; here there is none"
    [found] = Path(package.origin).parent.rglob("libfaketime.so.1")
    return found
