"""Who publishes a channel, over all media servers: a lease in Redis, and when its publisher was last heard.

A server that says how long its publisher has been silent loses the channel to another server once
that is TAKEOVER_AFTER_S: the encoder may have come back there before this one noticed, or died
with its process. What says nothing of it keeps the channel until the lease lapses.
"""

from typing import cast
from uuid import UUID

from services.bus import bus
from services.errors import Conflict
from services.leases import Lease

LEASE_S = 10
TAKEOVER_AFTER_S = 5.0

_NOTE = """
local function note()
  if ARGV[3] == '' then redis.call('del', KEYS[2]) return end
  local now = redis.call('time')
  redis.call('set', KEYS[2], string.format('%.0f', now[1] * 1000 + now[2] / 1000 - ARGV[3]), 'px', ARGV[2])
end
"""
_CLAIM = f"""{_NOTE}
local holder = redis.call('get', KEYS[1])
if holder and holder ~= ARGV[1] then
  local heard, now = redis.call('get', KEYS[2]), redis.call('time')
  if not heard or now[1] * 1000 + now[2] / 1000 - heard < tonumber(ARGV[4]) then return 0 end
end
redis.call('set', KEYS[1], ARGV[1], 'px', ARGV[2])
note()
return 1
"""
_RENEW = f"""{_NOTE}
if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('pexpire', KEYS[1], ARGV[2])
note()
return 1
"""


def claim(
    channel_id: UUID, *, server: str, publisher: str, ttl_s: float = LEASE_S, silent_s: float | None = None
) -> None:
    """Be the one publisher of a channel, over all media servers; raises Conflict.

    `silent_s` is for how long the publisher has been silent, None where that is not known.
    """
    if not _call(_CLAIM, channel_id, f"{server}/{publisher}", ttl_s, silent_s):
        raise Conflict("Somebody publishes to this channel already.", "already_publishing")


def renew(
    channel_id: UUID, *, server: str, publisher: str, ttl_s: float = LEASE_S, silent_s: float | None = None
) -> bool:
    """Stay the publisher for another `ttl_s` seconds; False where the claim was lost."""
    return _call(_RENEW, channel_id, f"{server}/{publisher}", ttl_s, silent_s)


def release(channel_id: UUID, *, server: str, publisher: str) -> None:
    """Stop being the publisher."""
    Lease(_name(channel_id), f"{server}/{publisher}", LEASE_S).release()


def is_claimed(channel_id: UUID) -> bool:
    """Whether any media server publishes a channel."""
    return bool(bus.redis.exists(f"lease:{_name(channel_id)}"))


def _call(script: str, channel_id: UUID, holder: str, ttl_s: float, silent_s: float | None) -> bool:
    name = f"lease:{_name(channel_id)}"
    silent_ms = "" if silent_s is None else str(int(silent_s * 1000))
    rest = (str(int(ttl_s * 1000)), silent_ms, str(int(TAKEOVER_AFTER_S * 1000)))
    return bool(cast(int, bus.redis.eval(script, 2, name, f"{name}:heard", holder, *rest)))


def _name(channel_id: UUID) -> str:
    return f"ingest:{channel_id}"
