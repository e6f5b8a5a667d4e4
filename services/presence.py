"""Who is watching: distinct viewers of a room over all realtime processes, counted in Redis.

Each process keeps a set of its viewers for each room, which expires unless the process refreshes
it: one that dies stops counting by itself.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

import msgspec
from redis.commands.core import Script

from services.bus import bus
from services.topics import room_topic

#: A process that dies stops counting when its part expires, and the others tell the room at their next refresh:
#: both together stay within 15 s.
TTL_MS = 11_000
REFRESH_S = 3
TELL_EVERY_MS = 1000
_CHUNK = 2000


class Change(msgspec.Struct, frozen=True):
    """Viewers (keys of 16 bytes: a person, or a guest's connection) who came to and left a room."""

    room_id: UUID
    arrived: Sequence[bytes] = ()
    left: Sequence[bytes] = ()


class Count(msgspec.Struct, frozen=True):
    """What Redis says of a room after a change."""

    viewers: int
    of_this_process: int
    is_told: bool


# KEYS: the viewers of this process, the processes of the room, what the room was last told.
# A process is in the room as long as its score, a time in milliseconds, lies ahead. What was told at a time
# that lies ahead was told before the clock went back.
_SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local process, ttl, topic, prefix, pause = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], tonumber(ARGV[5])
local arrived = tonumber(ARGV[6])
for n = 7, 6 + arrived do redis.call('SADD', KEYS[1], ARGV[n]) end
for n = 7 + arrived, #ARGV do redis.call('SREM', KEYS[1], ARGV[n]) end
local own = redis.call('SCARD', KEYS[1])
if own > 0 then
    redis.call('PEXPIRE', KEYS[1], ttl)
    redis.call('ZADD', KEYS[2], now + ttl, process)
    redis.call('PEXPIRE', KEYS[2], ttl)
else
    redis.call('ZREM', KEYS[2], process)
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
local sets = {}
for _, name in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do sets[#sets + 1] = prefix .. name end
local count = 0
if #sets == 1 then count = redis.call('SCARD', sets[1]) end
if #sets > 1 then count = #redis.call('SUNION', unpack(sets)) end
local told = redis.call('HMGET', KEYS[3], 'count', 'at')
if told[1] and tonumber(told[1]) == count then return {count, own, 1} end
if told[2] and math.abs(now - told[2]) < pause then return {count, own, 0} end
redis.call('HSET', KEYS[3], 'count', count, 'at', now)
redis.call('PEXPIRE', KEYS[3], 60000)
redis.call('PUBLISH', topic, '0\\n{"type":"viewer_count","count":' .. count .. '}')
return {count, own, 1}
"""

_COUNT_SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local sets = {}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], now, '+inf')) do sets[#sets + 1] = ARGV[1] .. name end
if #sets == 0 then return 0 end
if #sets == 1 then return redis.call('SCARD', sets[1]) end
return #redis.call('SUNION', unpack(sets))
"""


def record(process: str, changes: Iterable[Change]) -> dict[UUID, Count]:
    """Tell Redis what changed in this process; tells each room whose count is new, at most once a second.

    A change without viewers refreshes the process's part. A room that is not told must be
    recorded again a second later. Raises redis.RedisError.
    """
    script = bus.redis.register_script(_SCRIPT)
    return {change.room_id: _recorded(script, process, change) for change in changes}


def viewer_count(room_id: UUID) -> int:
    """Distinct viewers of a room at this moment; raises redis.RedisError."""
    return int(bus.redis.register_script(_COUNT_SCRIPT)([_room_key(room_id)], [f"{_room_key(room_id)}:"]))


# KEYS: rooms. Answers for each the keys of its viewers, over all processes that are alive.
_VIEWERS_SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = {}
for n, room in ipairs(KEYS) do
    local sets = {}
    for _, name in ipairs(redis.call('ZRANGEBYSCORE', room, now, '+inf')) do sets[#sets + 1] = room .. ':' .. name end
    found[n] = #sets > 0 and redis.call('SUNION', unpack(sets)) or {}
end
return found
"""


def viewers_in(room_ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """The distinct viewers of each room at this moment, guests by their connection's key; raises redis.RedisError."""
    if not room_ids:
        return {}
    found = bus.redis.register_script(_VIEWERS_SCRIPT)([_room_key(room_id) for room_id in room_ids])
    return {room_id: sorted(UUID(bytes=key) for key in keys) for room_id, keys in zip(room_ids, found, strict=True)}


def _recorded(script: Script, process: str, change: Change) -> Count:
    arrived, left = list(change.arrived), list(change.left)
    count = Count(0, 0, False)
    while True:
        count = _run(script, process, change.room_id, arrived[:_CHUNK], left[:_CHUNK])
        arrived, left = arrived[_CHUNK:], left[_CHUNK:]
        if not arrived and not left:
            return count


def _run(script: Script, process: str, room_id: UUID, arrived: list[bytes], left: list[bytes]) -> Count:
    room = _room_key(room_id)
    keys = [f"{room}:{process}", room, f"{room}:told"]
    arguments: list[bytes | str | int] = [
        process,
        TTL_MS,
        room_topic(room_id),
        f"{room}:",
        TELL_EVERY_MS,
        len(arrived),
        *arrived,
        *left,
    ]
    viewers, own, is_told = script(keys, arguments)
    return Count(viewers, own, bool(is_told))


def _room_key(room_id: UUID) -> str:
    return f"viewers:{room_id}"
