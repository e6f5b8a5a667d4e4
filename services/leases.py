"""Leases in Redis: of all processes, one holds a thing, for as long as it keeps saying so."""

from typing import cast

import msgspec

from services.bus import bus

_ACQUIRE = """
local holder = redis.call('get', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('set', KEYS[1], ARGV[1], 'px', ARGV[2])
return 1
"""
_RENEW = """
if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('pexpire', KEYS[1], ARGV[2])
"""
_RELEASE = """
if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('del', KEYS[1])
"""


class Lease(msgspec.Struct, frozen=True):
    """A claim on `name` by `holder`, void `ttl_s` seconds after it was last renewed."""

    name: str
    holder: str
    ttl_s: float

    def acquire(self) -> bool:
        """Take the lease, or take it again; False where somebody else holds it."""
        return self._call(_ACQUIRE, self._ttl_ms)

    def renew(self) -> bool:
        """Hold it for another `ttl_s`; False where it was lost."""
        return self._call(_RENEW, self._ttl_ms)

    def release(self) -> bool:
        """Give it back; False where it was lost already."""
        return self._call(_RELEASE)

    @property
    def _ttl_ms(self) -> int:
        return int(self.ttl_s * 1000)

    def _call(self, script: str, *arguments: int) -> bool:
        reply = bus.redis.eval(script, 1, f"lease:{self.name}", self.holder, *map(str, arguments))
        return bool(cast(int, reply))
