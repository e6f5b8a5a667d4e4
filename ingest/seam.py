"""What ingest needs of the rest of AstroTV, as one small interface, and how it is called without waiting.

`services.broadcasts` is the real one; tests pass a fake.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from typing import ParamSpec, Protocol, TypeVar
from uuid import UUID

import peewee
import redis

from services.broadcasts import Grant
from services.errors import Unavailable
from services.media_facts import MediaFacts

P = ParamSpec("P")
T = TypeVar("T")


class Stream(Protocol):
    """What ingest looks at in a stream."""

    @property
    def id(self) -> UUID: ...


class Broadcasts(Protocol):
    """The rules of being on air: synchronous functions that may wait for a database or for Redis."""

    def authorize(self, key: str, *, server: str, remote_address: str) -> Grant:
        """Return whose key it is; raises Forbidden."""
        ...

    def claim(self, grant: Grant, *, server: str, publisher: str, silent_s: float) -> None:
        """Be the only one to publish on a channel, of all servers; raises Conflict."""
        ...

    def renew(self, channel_id: UUID, *, server: str, publisher: str, silent_s: float) -> bool:
        """Keep the claim, and say for how long the publisher has been silent; False where it was lost."""
        ...

    def release(self, channel_id: UUID, *, server: str, publisher: str) -> None:
        """Give the claim back."""
        ...

    def go_live(self, grant: Grant, facts: MediaFacts, *, server: str, remote_address: str, relay_url: str) -> Stream:
        """Make the channel's stream live: a new one, or the one that was interrupted; raises Forbidden."""
        ...

    def update(self, stream_id: UUID, facts: MediaFacts) -> None:
        """Pass on what is measured."""
        ...

    def reason_to_end(self, grant: Grant, stream_id: UUID | None) -> str | None:
        """Return why the publisher has to stop by now, None to go on."""
        ...

    def interrupt(self, stream_id: UUID) -> None:
        """Say that the encoder was lost."""
        ...

    def end(self, stream_id: UUID, reason: str) -> None:
        """Say that the stream is over."""
        ...


class Caller:
    """Runs the seam's functions in threads, each with a database connection for as long as it takes."""

    def __init__(self, executor: Executor, connection: Callable[[], AbstractContextManager[object]]) -> None:
        self.executor = executor
        self._connection = connection

    async def __call__(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `function` returns; raises ServiceError, Unavailable where a store is away."""

        def call() -> T:
            try:
                with self._connection():
                    return function(*args, **kwargs)
            except (redis.RedisError, peewee.OperationalError, peewee.InterfaceError) as error:
                raise Unavailable(f"A store is away: {error}") from error

        return await asyncio.get_running_loop().run_in_executor(self.executor, call)
