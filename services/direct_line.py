"""One command to Redis on a line that the thread keeps: for what every request asks.

The client's own way (borrow from the pool, look whether the line is alive, keep books for observers, give
back) costs more than the command. A line that died, and a Redis that is silent, are met as the client
does: its retry policy decides.
"""

import os
import threading
from typing import Any

import hiredis
import redis
from redis.connection import AbstractConnection


class _Kept(threading.local):
    """This thread's line: of which client, and made in which process."""

    line: AbstractConnection | None = None
    client: redis.Redis | None = None
    process = 0


_kept = _Kept()


def ask(client: redis.Redis, *words: bytes | str | int) -> Any:
    """Send one command and return its answer; raises redis.RedisError."""
    line = _line(client)
    packed = [hiredis.pack_command(words)]

    def sent() -> Any:
        line.send_packed_command(packed)
        return line.read_response()

    try:
        return line.retry.call_with_retry(sent, lambda _error, _failures: line.disconnect(), with_failure_count=True)
    except redis.ResponseError:
        raise  # a refusal, read to its end: the line is as good as before
    except BaseException:
        line.disconnect()
        raise


def _line(client: redis.Redis) -> AbstractConnection:
    line = _kept.line
    if line is not None and _kept.client is client and _kept.process == os.getpid():
        return line
    if line is not None and _kept.process == os.getpid():
        line.disconnect()
    made: Any = client.connection_pool.make_connection()
    _kept.line, _kept.client, _kept.process = made, client, os.getpid()
    return _line(client)
