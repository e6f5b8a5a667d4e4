"""How often something may happen, counted in Redis so that every process counts together."""

import functools
from math import ceil
from time import time

import limits
import redis
import structlog
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter

from services.bus import bus

log = structlog.get_logger(__name__)


class Verdict:
    """Whether one more was allowed, and what is left of the window."""

    __slots__ = ("allowed", "limit", "remaining", "reset_s")

    def __init__(self, allowed: bool, limit: int, remaining: int, reset_s: int) -> None:
        self.allowed, self.limit, self.remaining, self.reset_s = allowed, limit, remaining, reset_s


def hit(limit: str, *identifiers: str) -> Verdict:
    """Count one more under `limit` (such as `100/15minutes`) and say whether it is allowed.

    Where Redis is away everything is allowed, and the log says so.
    """
    item = _item(limit)
    try:
        allowed = _limiter().hit(item, *identifiers)
        window = _limiter().get_window_stats(item, *identifiers)
    except redis.RedisError as error:
        log.warning("throttle_unavailable", error=str(error))
        return Verdict(True, item.amount, item.amount, 0)
    return Verdict(allowed, item.amount, window.remaining, max(0, ceil(window.reset_time - time())))


def peek(limit: str, *identifiers: str) -> Verdict:
    """Say whether one more would be allowed, without counting it."""
    item = _item(limit)
    try:
        window = _limiter().get_window_stats(item, *identifiers)
    except redis.RedisError as error:
        log.warning("throttle_unavailable", error=str(error))
        return Verdict(True, item.amount, item.amount, 0)
    return Verdict(window.remaining > 0, item.amount, window.remaining, max(0, ceil(window.reset_time - time())))


def clear(limit: str, *identifiers: str) -> None:
    """Forget what was counted."""
    try:
        _limiter().clear(_item(limit), *identifiers)
    except redis.RedisError as error:
        log.warning("throttle_unavailable", error=str(error))


@functools.cache
def _item(limit: str) -> limits.RateLimitItem:
    return limits.parse(limit)


def _limiter() -> MovingWindowRateLimiter:
    return _limiter_on(bus.settings.redis_url)


@functools.cache
def _limiter_on(url: str) -> MovingWindowRateLimiter:
    pool = bus.redis.connection_pool
    return MovingWindowRateLimiter(RedisStorage(_limits_url(url), connection_pool=pool, wrap_exceptions=False))


def _limits_url(url: str) -> str:
    return url.replace("unix://", "redis+unix://", 1)
