"""An encoder that comes back whenever it is cut off, as OBS does."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.stack import Stack

COMES_BACK_AFTER_S = 1.0


@contextmanager
def steady_encoder(stack: Stack, key: str) -> Iterator[None]:
    """Publish until the block ends, however often the server turns it away."""
    done = threading.Event()
    thread = threading.Thread(target=_publish_on, args=(stack, key, done))
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _publish_on(stack: Stack, key: str, done: threading.Event) -> None:
    while not done.is_set():
        with stack.publishing(key) as encoder:
            while not done.is_set() and not _has_ended(encoder):
                pass
        done.wait(COMES_BACK_AFTER_S)


def _has_ended(encoder: "subprocess.Popen[bytes]") -> bool:
    """Look for a moment whether it has."""
    try:
        encoder.wait(0.2)
    except subprocess.TimeoutExpired:
        return False
    return True
