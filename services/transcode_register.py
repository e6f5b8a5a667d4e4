"""Who transcodes which stream, kept in Redis: leases, what each machine carries, how each ladder fares."""

import socket
from collections.abc import Sequence
from typing import cast
from uuid import UUID

import msgspec
import redis

from services import clock
from services.bus import bus
from services.leases import Lease

LEASE_TTL_S = 3.0
STATUS_TTL_S = 15
ASKED_AGAIN_AFTER_S = 5.0

_DUE = "transcode:due"


class TranscodeStatus(msgspec.Struct, frozen=True):
    """How a live ladder fares: rungs made, rungs shed and why, speed (1 is real time) and frames a second."""

    rungs: list[str]
    shed: list[str] = []
    reason: str | None = None
    speed: float | None = None
    fps: float | None = None
    restarts: int = 0


class TranscodeClaim:
    """One worker's claim on one stream; whoever lets it lapse has died, and others take over."""

    def __init__(self, stream_id: UUID, holder: str, machine: str | None = None) -> None:
        self.stream_id = stream_id
        self._lease = Lease(f"transcode:{stream_id}", holder, LEASE_TTL_S)
        self._carried = f"transcode:machine:{machine or socket.gethostname()}"

    def acquire(self) -> bool:
        """False where another worker transcodes the stream."""
        return self._note(self._lease.acquire())

    def renew(self) -> bool:
        """False where another worker has the claim; one that Redis forgot is taken again."""
        return self._note(self._lease.acquire())

    def others_here(self) -> int:
        """How many other streams this machine transcodes."""
        now = _now()
        carried = cast(list[bytes], bus.redis.zrangebyscore(self._carried, now, "+inf"))
        return len([name for name in carried if name.decode() != str(self.stream_id)])

    def release(self, *, finished: bool) -> None:
        """Give the stream up; unless it is `finished`, it stays due for another worker."""
        pipeline = bus.redis.pipeline()
        pipeline.zrem(self._carried, str(self.stream_id))
        pipeline.delete(_status_key(self.stream_id))
        if finished:
            pipeline.zrem(_DUE, str(self.stream_id))
        pipeline.execute()
        self._lease.release()

    def _note(self, is_ours: bool) -> bool:
        if is_ours:
            lapses_at = _now() + LEASE_TTL_S
            pipeline = bus.redis.pipeline(transaction=False)
            pipeline.zadd(_DUE, {str(self.stream_id): lapses_at})
            pipeline.zadd(self._carried, {str(self.stream_id): lapses_at})
            pipeline.zremrangebyscore(self._carried, "-inf", lapses_at - 10 * LEASE_TTL_S)
            pipeline.execute()
        return is_ours


def expect(stream_id: UUID) -> None:
    """Note that a ladder has been asked for: where none starts soon, it is asked for again."""
    bus.redis.zadd(_DUE, {str(stream_id): _now() + ASKED_AGAIN_AFTER_S})


def forget(stream_id: UUID) -> None:
    """The stream has ended: nobody needs to take it over."""
    bus.redis.zrem(_DUE, str(stream_id))


def abandoned() -> list[UUID]:
    """Streams whose claim lapsed; each is named again only after a while, whoever asks."""
    lapsed = cast(list[bytes], bus.redis.zrangebyscore(_DUE, "-inf", _now()))
    return [stream_id for stream_id in (UUID(name.decode()) for name in lapsed) if _take_note(stream_id)]


def held(stream_ids: Sequence[UUID]) -> set[UUID]:
    """Those of the streams which somebody transcodes, or has been asked to."""
    if not stream_ids:
        return set()
    scores = bus.redis.zmscore(_DUE, [str(stream_id) for stream_id in stream_ids])
    return {stream_id for stream_id, score in zip(stream_ids, scores, strict=True) if score is not None}


def report(stream_id: UUID, status: TranscodeStatus) -> None:
    """Publish how a ladder fares; forgotten when not repeated."""
    bus.redis.set(_status_key(stream_id), msgspec.json.encode(status), ex=STATUS_TTL_S)


def transcode_status(stream_id: UUID) -> TranscodeStatus | None:
    """How the ladder of a stream fares; None where nobody makes one."""
    stored = cast(bytes | None, bus.redis.get(_status_key(stream_id)))
    return msgspec.json.decode(stored, type=TranscodeStatus) if stored else None


def transcode_statuses() -> dict[UUID, TranscodeStatus]:
    """How every live ladder fares; nothing where Redis is away."""
    try:
        streams = [UUID(name.decode()) for name in cast(list[bytes], bus.redis.zrange(_DUE, 0, -1))]
        stored = cast(list[bytes | None], bus.redis.mget(map(_status_key, streams))) if streams else []
    except redis.RedisError:
        return {}
    found = zip(streams, stored, strict=True)
    return {stream: msgspec.json.decode(text, type=TranscodeStatus) for stream, text in found if text}


def _take_note(stream_id: UUID) -> bool:
    """Be the one who asks for a stream again: the first to move its date is."""
    now = _now()
    script = """
    local due = redis.call('zscore', KEYS[1], ARGV[1])
    if not due or tonumber(due) > tonumber(ARGV[2]) then return 0 end
    redis.call('zadd', KEYS[1], ARGV[3], ARGV[1])
    return 1
    """
    return bool(bus.redis.eval(script, 1, _DUE, str(stream_id), str(now), str(now + ASKED_AGAIN_AFTER_S)))


def _now() -> float:
    return clock.now().timestamp()


def _status_key(stream_id: UUID) -> str:
    return f"transcode:status:{stream_id}"
