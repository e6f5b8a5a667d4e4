"""How often something may happen, counted in Redis so that every process counts together.

A moving window: the times of what was allowed, newest first, in one list a caller. One script
counts, decides and says what is left, in one round trip and by Redis' own clock.
"""

import functools
import hashlib
from math import ceil

import limits
import redis
import structlog

from services.bus import bus
from services.direct_line import Question, ask, begin

log = structlog.get_logger(__name__)

# KEYS[1] is the list; ARGV: how many are allowed, the window in milliseconds, whether to count one more.
# Answers whether that is (or would be) allowed, how many are left, and the milliseconds until there is one more.
_WINDOW = b"""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local amount, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local newest = tonumber(redis.call('LINDEX', KEYS[1], 0))
if newest and newest > now + 1000 then redis.call('DEL', KEYS[1]) end -- the clock went back
local oldest = tonumber(redis.call('LINDEX', KEYS[1], -1))
while oldest and oldest <= now - window do
    redis.call('RPOP', KEYS[1])
    oldest = tonumber(redis.call('LINDEX', KEYS[1], -1))
end
local left = amount - redis.call('LLEN', KEYS[1])
local allowed = left > 0 and 1 or 0
if allowed == 1 and ARGV[3] == '1' then
    redis.call('LPUSH', KEYS[1], now)
    redis.call('PEXPIRE', KEYS[1], window)
    left, oldest = left - 1, oldest or now
end
return {allowed, left, (oldest or now) + window - now}
"""
_DIGEST = hashlib.sha1(_WINDOW, usedforsecurity=False).hexdigest().encode()  # Redis' own name for a script


class Verdict:
    """Whether one more was allowed, and what is left of the window."""

    __slots__ = ("allowed", "limit", "remaining", "reset_s")

    def __init__(self, allowed: bool, limit: int, remaining: int, reset_s: int) -> None:
        self.allowed, self.limit, self.remaining, self.reset_s = allowed, limit, remaining, reset_s


class Counting:
    """One more that is being counted, while the caller does something else that it has to do anyway."""

    __slots__ = ("_item", "_question", "_verdict", "_words")

    def __init__(self, item: limits.RateLimitItem, key: str, *, counts: bool) -> None:
        self._item = item
        self._words = key.encode(), b"%d" % item.amount, b"%d" % (item.get_expiry() * 1000), b"%d" % counts
        self._question: Question | None = None
        self._verdict: Verdict | None = None

    def begin(self) -> "Counting":
        """Ask Redis, and do not wait."""
        self._question = begin(bus.redis, b"EVALSHA", _DIGEST, b"1", *self._words)
        return self

    @property
    def is_decided(self) -> bool:
        """Whether the verdict is there already."""
        return self._verdict is not None

    def verdict(self) -> Verdict:
        """What Redis says, once it does; the same for whoever asks again."""
        if self._verdict is None:
            self._verdict = self._judged()
        return self._verdict

    def _judged(self) -> Verdict:
        amount = self._item.amount
        try:
            allowed, left, reset_ms = self._answer()
        except redis.RedisError as error:
            log.warning("throttle_unavailable", error=str(error))
            return Verdict(True, amount, amount, 0)
        return Verdict(bool(allowed), amount, max(0, left), ceil(reset_ms / 1000))

    def _answer(self) -> tuple[int, int, int]:
        """What the script answers; it is sent whole where Redis does not know it yet."""
        try:
            asked = self._question or begin(bus.redis, b"EVALSHA", _DIGEST, b"1", *self._words)
            return tuple(asked.answer())
        except redis.exceptions.NoScriptError:
            return tuple(ask(bus.redis, b"EVAL", _WINDOW, b"1", *self._words))


def begin_hit(limit: str, *identifiers: str) -> Counting:
    """Begin to count one more under `limit`, as `hit` does."""
    return _counting(limit, identifiers, counts=True).begin()


def hit(limit: str, *identifiers: str) -> Verdict:
    """Count one more under `limit` (such as `100/15minutes`) and say whether it is allowed.

    Where Redis is away everything is allowed, and the log says so.
    """
    return _counting(limit, identifiers, counts=True).verdict()


def peek(limit: str, *identifiers: str) -> Verdict:
    """Say whether one more would be allowed, without counting it."""
    return _counting(limit, identifiers, counts=False).verdict()


def clear(limit: str, *identifiers: str) -> None:
    """Forget what was counted."""
    try:
        bus.redis.delete(_key(_item(limit), identifiers))
    except redis.RedisError as error:
        log.warning("throttle_unavailable", error=str(error))


def _counting(limit: str, identifiers: tuple[str, ...], *, counts: bool) -> Counting:
    item = _item(limit)
    return Counting(item, _key(item, identifiers), counts=counts)


@functools.cache
def _item(limit: str) -> limits.RateLimitItem:
    return limits.parse(limit)


def _key(item: limits.RateLimitItem, identifiers: tuple[str, ...]) -> str:
    """Windows of different limits on the same thing are different windows."""
    return f"throttle:{item.amount}/{item.get_expiry()}:{':'.join(identifiers)}"
