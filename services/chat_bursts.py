"""No more than so many messages of one account in ten seconds, over all processes: counted in Redis."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from time import monotonic
from typing import Protocol
from uuid import UUID

import msgspec
import redis
import structlog

from services.bus import bus

log = structlog.get_logger(__name__)

BURST = 20
WINDOW_S = 10


class Bursts(Protocol):
    """Where the sending of messages learns who has said too much."""

    def take(self, people: Sequence[UUID]) -> list[float]:
        """Count one message of each; answers, for each, 0 or the seconds until it would have been allowed."""

    def give_back(self, people: Sequence[UUID]) -> None:
        """Count those messages no more: they could not be stored, and their authors will try again."""

    def lists_of(self, people: Sequence[UUID]) -> list[str]:
        """The lists in Redis that other processes are to find what was sent in; none where it stands there already."""

    def learn(self, people: Sequence[UUID], waits_ms: Sequence[int]) -> None:
        """Hear how long each of the people whose lists these are has to wait with the next."""


# One list of times for each person: the newest first, as many as the limit. KEYS[n] is the list
# of message n; answers 0 where it may be sent, else the milliseconds to wait. A time that lies ahead was
# noted before the clock went back, and counts no more.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local limit, window, waits = tonumber(ARGV[1]), tonumber(ARGV[2]), {}
for n, key in ipairs(KEYS) do
    local oldest = redis.call('LINDEX', key, limit - 1)
    if oldest and now - oldest >= 0 and now - oldest < window then
        waits[n] = window - (now - oldest)
    else
        redis.call('LPUSH', key, now)
        redis.call('LTRIM', key, 0, limit - 1)
        redis.call('PEXPIRE', key, window)
        waits[n] = 0
    end
end
return waits
"""


class SharedBursts:
    """Asks Redis before each message: exact, at a round trip a batch. With Redis away nobody is refused."""

    def take(self, people: Sequence[UUID]) -> list[float]:
        try:
            waits = bus.redis.register_script(_TAKE)(_keys(people), [BURST, WINDOW_S * 1000])
        except redis.RedisError as error:
            log.warning("chat_burst_unchecked", error=str(error))
            return [0.0] * len(people)
        return [wait_ms / 1000 for wait_ms in waits]

    def give_back(self, people: Sequence[UUID]) -> None:
        """Nothing: they stay counted for the few seconds of the window."""

    def lists_of(self, people: Sequence[UUID]) -> list[str]:
        """None: it is told already."""
        return []

    def learn(self, people: Sequence[UUID], waits_ms: Sequence[int]) -> None:
        """Nothing: it was known before."""


class _Spoken(msgspec.Struct):
    """When one person spoke here, oldest first (monotonic seconds), and until when Redis says to wait."""

    times: list[float]
    free_at: float = 0


class RememberedBursts:
    """Knows what was sent through this process, and hears of the rest with each message that it tells.

    So no message waits for Redis. Exact for whoever speaks through one process; somebody who speaks through several
    gets what each of them had stored before it heard of the others: through two, 23 were seen instead of 20. To be
    exact there, each process would have to ask Redis before it stores the first message of a person, as `SharedBursts`
    does: a round trip that nearly every message of a quiet room would pay.
    """

    def __init__(self) -> None:
        #: By the number of the person's id; whoever was silent for longest comes first.
        self._spoken: OrderedDict[int, _Spoken] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, people: Sequence[UUID]) -> list[float]:
        now = monotonic()
        with self._lock:
            self._tidy(now)
            return [self._take(person.int, now) for person in people]

    def give_back(self, people: Sequence[UUID]) -> None:
        with self._lock:
            for person in people:
                spoken = self._spoken.get(person.int)
                if spoken is not None and len(spoken.times) > 1:
                    spoken.times.pop()
                elif spoken is not None:
                    del self._spoken[person.int]

    def lists_of(self, people: Sequence[UUID]) -> list[str]:
        return _keys(people)

    def learn(self, people: Sequence[UUID], waits_ms: Sequence[int]) -> None:
        now = monotonic()
        with self._lock:
            for person, wait_ms in zip(people, waits_ms, strict=True):
                if wait_ms and (spoken := self._spoken.get(person.int)):
                    spoken.free_at = now + wait_ms / 1000

    def _take(self, person: int, now: float) -> float:
        spoken = self._spoken.get(person)
        if spoken is None:
            self._spoken[person] = _Spoken([now])
            return 0.0
        times = spoken.times
        free_at = max(spoken.free_at, times[-BURST] + WINDOW_S if len(times) >= BURST else 0)
        if free_at > now:
            return free_at - now
        times.append(now)
        del times[:-BURST]
        self._spoken.move_to_end(person)
        return 0.0

    def _tidy(self, now: float) -> None:
        """Forget those who have not spoken for long."""
        while self._spoken and next(iter(self._spoken.values())).times[-1] < now - WINDOW_S:
            self._spoken.popitem(last=False)


def _keys(people: Sequence[UUID]) -> list[str]:
    return [f"chat:burst:{person.hex}" for person in people]
