"""How much work waits, and which jobs the broker knows of."""

from collections.abc import Iterator
from typing import cast
from uuid import UUID

import msgspec
import redis

from services.bus import bus

QUEUES = ("webhooks", "notifications", "transcode", "media", "analytics", "default")
#: Where each worker's name is noted, and what it has taken and not acknowledged: kombu's hash, one a worker.
WORKERS_KEY = "workers:named"
UNACKED_KEY = "unacked:"
#: With more than this waiting, nobody reads them all only to see whether one is missing.
MOST_READ = 20_000


class _Headers(msgspec.Struct):
    id: str


class _Message(msgspec.Struct):
    headers: _Headers


def depths() -> dict[str, int]:
    """Jobs that wait, by queue; empty where the broker is not our Redis or is away."""
    if not _is_ours():
        return {}
    pipeline = bus.redis.pipeline(transaction=False)
    for name in QUEUES:
        pipeline.llen(name)
    try:
        return dict(zip(QUEUES, pipeline.execute(), strict=True))
    except redis.RedisError:
        return {}


def held_jobs() -> set[UUID] | None:
    """The ids of jobs that wait or that a worker has taken; None where that cannot be said.

    Those that wait are read first: one that a worker takes meanwhile is seen in its hands.
    """
    waiting = depths()
    if not waiting or sum(waiting.values()) > MOST_READ:
        return None
    try:
        raw = [message for name in QUEUES for message in cast(list[bytes], bus.redis.lrange(name, 0, -1))]
        return {UUID(message.headers.id) for message in (*_messages(raw), *_taken())}
    except redis.RedisError:
        return None


def _messages(raw: list[bytes]) -> Iterator[_Message]:
    return (msgspec.json.decode(message, type=_Message) for message in raw)


def _taken() -> Iterator[_Message]:
    for name in cast(set[bytes], bus.redis.smembers(WORKERS_KEY)):
        for raw in cast(list[bytes], bus.redis.hvals(UNACKED_KEY + name.decode())):
            message, _exchange, _queue = msgspec.json.decode(raw, type=tuple[_Message, str | None, str | None])
            yield message


def _is_ours() -> bool:
    return bus.settings.celery_broker_url == bus.settings.redis_url
