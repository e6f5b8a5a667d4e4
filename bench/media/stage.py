"""A stack of its own for each benchmark of live video, with a streamer who has a key."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.stack import Stack, running


@contextmanager
def live_stack() -> Iterator[tuple[Stack, str]]:
    """Run a stack until the block ends; with the demo streamer's stream key."""
    with tempfile.TemporaryDirectory(prefix="astrotv-bench-") as folder:
        Path(folder).chmod(0o755)
        with running(Path(folder) / "data") as stack:
            yield stack, str(stack.call("GET", "/api/auth/stream-key", stack.sign_in("streamer"))["streamKey"])
