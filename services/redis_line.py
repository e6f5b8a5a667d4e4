"""The line to Redis of those who must not wait: an answer soon, or an error at once while Redis is silent.

A Redis that was restarted ends its connections: what was just asked is asked once more on a new one.
One that is frozen answers nobody: after one caller has waited in vain, the others are refused at
once, and every second one of them tries again on behalf of all.
"""

import threading
from collections.abc import Callable
from threading import get_ident
from time import monotonic
from typing import Any, TypeVar
from urllib.parse import urlsplit

import redis
import redis.exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

T = TypeVar("T")

TIMEOUT_S = 2
TRY_AGAIN_S = 1.0


class Silent(redis.ConnectionError):
    """Nobody asked: Redis is known to be silent."""


class Gate:
    """Whether Redis is known to be silent; `check` then lets one thread in at a time to find out."""

    def __init__(self) -> None:
        self._shut_until: float | None = None
        self._scout = 0
        self._lock = threading.Lock()

    def check(self) -> None:
        """Raise Silent while Redis is silent, unless it is this thread's turn to try."""
        if self._shut_until is None:
            return
        with self._lock:
            now = monotonic()
            if self._shut_until is None or self._scout == get_ident():
                return
            if now < self._shut_until:
                raise Silent("Redis does not answer")
            self._scout, self._shut_until = get_ident(), now + TIMEOUT_S + TRY_AGAIN_S

    def shut(self) -> None:
        """Note that somebody waited in vain."""
        with self._lock:
            self._scout, self._shut_until = 0, monotonic() + TRY_AGAIN_S

    def open(self) -> None:
        """Note an answer, or a refusal: whoever asks now will not wait."""
        if self._shut_until is not None:
            with self._lock:
                self._scout, self._shut_until = 0, None


class OneMoreTry(Retry):
    """Asks once more where a connection had died; never where Redis was silent, which it tells the gate."""

    def __init__(self, gate: Gate) -> None:
        super().__init__(NoBackoff(), 1, (redis.ConnectionError,))
        self._gate = gate

    def __deepcopy__(self, _memo: dict[int, Any]) -> "OneMoreTry":
        return self  # every connection of a client has the same gate

    def call_with_retry(
        self,
        do: Callable[[], T],
        fail: Callable[..., Any],
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,
    ) -> T:
        """Send and receive; raises redis.RedisError. Commands count their failures, mere connecting does not."""
        self._gate.check()
        try:
            found: T = super().call_with_retry(do, fail, is_retryable, with_failure_count)
        except redis.TimeoutError:
            self._gate.shut()
            raise
        except Silent:
            raise
        except redis.ConnectionError:
            self._gate.open()
            raise
        except redis.ResponseError as error:
            if takes_nothing(error):
                raise redis.ConnectionError(str(error)) from error
            raise
        if with_failure_count:
            self._gate.open()
        return found


def takes_nothing(error: redis.ResponseError) -> bool:
    """Say whether the refusal is of writing as such: the disk is full, or the memory, or it has become a replica.

    A script's refusal has the word in its midst; of a command's own the client makes a class, and takes the word away.
    """
    unwilling = redis.exceptions.OutOfMemoryError | redis.exceptions.ReadOnlyError
    return isinstance(error, unwilling) or any(word in str(error) for word in ("MISCONF", "OOM ", "READONLY"))


def open_redis(url: str, gate: Gate) -> redis.Redis:
    """A client whose callers wait `TIMEOUT_S` at the most; connects when first used."""
    known_unix = urlsplit(url).scheme == "unix"
    return redis.Redis.from_url(
        url,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        health_check_interval=0 if known_unix else 25,
        retry=OneMoreTry(gate),
    )
