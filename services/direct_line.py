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


class Question:
    """A command that may be on its way already while its thread does something else."""

    __slots__ = ("_answer", "_error", "_is_sent", "_is_settled", "_line", "_packed")

    def __init__(self, line: AbstractConnection, packed: list[bytes]) -> None:
        self._line: Any = line  # redis-py types only some of its methods
        self._packed = packed
        self._is_sent = self._is_settled = False
        self._answer: Any = None
        self._error: BaseException | None = None

    def send(self) -> None:
        """Let it go ahead, where there is a line: making one may take long, and waits for the answer."""
        if self._line.is_connected:
            try:
                self._line.send_packed_command(self._packed)
                self._is_sent = True
            except redis.RedisError:
                self._line.disconnect()  # it is sent once more, on another

    def answer(self) -> Any:
        """What Redis answers; raises redis.RedisError."""
        self.settle()
        if self._error is not None:
            raise self._error
        return self._answer

    def settle(self) -> None:
        """Have the answer, or the error, read off the line; any number of times."""
        if self._is_settled:
            return
        self._is_settled = True
        retry, hang_up = self._line.retry, self._line.disconnect
        try:
            self._answer = retry.call_with_retry(self._ask, lambda *_: hang_up(), with_failure_count=True)
        except redis.ResponseError as error:
            self._error = error  # a refusal, read to its end: the line is as good as before
        except redis.RedisError as error:
            hang_up()
            self._error = error
        except BaseException:
            hang_up()
            raise

    def _ask(self) -> Any:
        if not self._is_sent:
            self._line.send_packed_command(self._packed)
        self._is_sent = False  # another try sends it anew
        return self._line.read_response()


class _Kept(threading.local):
    """This thread's line: of which client, made in which process, and what was asked on it last."""

    line: AbstractConnection | None = None
    client: redis.Redis | None = None
    process = 0
    last: Question | None = None


_kept = _Kept()


def ask(client: redis.Redis, *words: bytes | str | int) -> Any:
    """Send one command and return its answer; raises redis.RedisError."""
    return _question(client, words).answer()


def begin(client: redis.Redis, *words: bytes | str | int) -> Question:
    """Send one command, whose answer this thread asks for later; raises nothing of Redis' yet."""
    question = _question(client, words)
    question.send()
    return question


def _question(client: redis.Redis, words: tuple[bytes | str | int, ...]) -> Question:
    line = _line(client)
    if _kept.last is not None:
        _kept.last.settle()  # what nobody asked for must not be the next one's answer
    _kept.last = Question(line, [hiredis.pack_command(words)])
    return _kept.last


def _line(client: redis.Redis) -> AbstractConnection:
    line = _kept.line
    if line is not None and _kept.client is client and _kept.process == os.getpid():
        return line
    if line is not None and _kept.process == os.getpid():
        line.disconnect()
    made: Any = client.connection_pool.make_connection()
    _kept.line, _kept.client, _kept.process, _kept.last = made, client, os.getpid(), None
    return _line(client)
