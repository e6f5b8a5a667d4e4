"""A machine without room: what a ladder gives up, and what the streamer is told."""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from bench.figures import Figure
from bench.media.publisher import PublishingThread, record
from bench.media.stage import live_stack
from tests.e2e.stack import Stack, until

PATIENCE_S: Final = 90.0
BURNERS_A_CORE: Final = 3


def figures() -> Iterator[Figure]:
    """Publish in full HD, take the processors away, and ask for the streamer's status."""
    recording = record("1920x1080", 6000)
    with live_stack() as (stack, key), PublishingThread(recording, [f"{stack.rtmp_url}/{key}"]):
        token = stack.sign_in("streamer")
        before = until(lambda: _with_ladder(stack, token), 60)
        yield Figure(f"renditions before: {', '.join(before['renditions'])}", len(before["renditions"]), "")
        with _overload():
            began = time.monotonic()
            after = until(lambda: _shedding(stack, token), PATIENCE_S, lambda: _status(stack, token))
            yield Figure("overloaded to shed, after", time.monotonic() - began, "s")
            yield Figure(f"renditions: {', '.join(after['renditions'])}", len(after["renditions"]), "")
            yield Figure(f"the streamer reads: {after['health']}: {after['healthReason']}", 1, "")


def _status(stack: Stack, token: str) -> dict[str, Any]:
    return dict(stack.call("GET", "/api/stream/status", token))


def _with_ladder(stack: Stack, token: str) -> dict[str, Any]:
    status = _status(stack, token)
    return status if len(status["renditions"]) > 2 else {}


def _shedding(stack: Stack, token: str) -> dict[str, Any]:
    status = _status(stack, token)
    return status if "left out" in (status["healthReason"] or "") else {}


@contextmanager
def _overload() -> Iterator[None]:
    burners = [multiprocessing.Process(target=_burn, daemon=True) for _ in range(_cores() * BURNERS_A_CORE)]
    for burner in burners:
        burner.start()
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()


def _cores() -> int:
    return multiprocessing.cpu_count()


def _burn() -> None:
    while True:
        pass
