"""Ports of a benchmark's own servers: one that is free, and when somebody listens on it."""

import contextlib
import socket
import time

READY_S = 30
LOOK_EVERY_S = 0.05


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_listening(port: int) -> None:
    """Wait for a server to take connections; raises TimeoutError after READY_S."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(LOOK_EVERY_S)
    raise TimeoutError(f"nobody listens on port {port}")
