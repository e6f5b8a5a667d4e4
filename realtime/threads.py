"""Where handlers cross from the event loop to the services, which wait for databases."""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import peewee
import redis

from db.connection import connection
from services.errors import Unavailable

P = ParamSpec("P")
R = TypeVar("R")

DATABASE_AWAY = (peewee.OperationalError, peewee.InterfaceError)


class Threads:
    """A few threads for service calls; more callers than threads wait in line."""

    def __init__(self, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="service")

    async def query(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a service that uses the database; raises Unavailable where that is away."""
        return await self._call(lambda: _in_database(lambda: function(*args, **kwargs)))

    async def ask_redis(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a service that uses Redis alone; raises Unavailable where that is away."""
        return await self._call(lambda: _in_redis(lambda: function(*args, **kwargs)))

    def close(self) -> None:
        """Let what runs finish; what waits is dropped."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def _call(self, work: Callable[[], R]) -> R:
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._pool, context.run, work)


def _in_database(work: Callable[[], R]) -> R:
    try:
        with connection():
            return work()
    except DATABASE_AWAY as error:
        raise Unavailable("The database is away for a moment.") from error


def _in_redis(work: Callable[[], R]) -> R:
    try:
        return work()
    except redis.RedisError as error:
        raise Unavailable("Redis is away for a moment.") from error
