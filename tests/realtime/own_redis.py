"""A Redis of a test's own, which may be stopped and started again, with its data or without."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from embedded.folder import DataFolder
from embedded.redis import RedisServer


class OwnRedis:
    """A real server on a socket that stays the same over its restarts."""

    def __init__(self, folder: Path, *, keeps_data: bool) -> None:
        kept = DataFolder(folder)
        for needed in (kept.path, kept.logs):
            needed.mkdir(parents=True, exist_ok=True)
        self._server = RedisServer(kept, folder)
        self._keeps_data = keeps_data
        self.url = self._server.url

    def open(self) -> None:
        """Start it."""
        self._server.start()

    def shut(self) -> None:
        """Stop it, as an operator does; without its data nothing of what it knew is left."""
        self._server.stop()
        if not self._keeps_data:
            shutil.rmtree(self._server.home)


@contextlib.contextmanager
def open_redis(folder: Path, *, keeps_data: bool) -> Iterator[OwnRedis]:
    """A server, running inside the block."""
    redis = OwnRedis(folder, keeps_data=keeps_data)
    redis.open()
    try:
        yield redis
    finally:
        redis.shut()
