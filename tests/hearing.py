"""What was said on topics of Redis, without waiting for silence."""

import time
from collections.abc import Iterator
from typing import NamedTuple

import redis

from services.bus import bus
from services.ids import new_id

LIMIT_S = 60.0


class Heard(NamedTuple):
    """What was said on a topic: its first line, which is for the processes, and the event that clients read."""

    topic: str
    line: bytes
    body: bytes


def said(listener: "redis.client.PubSub") -> list[Heard]:
    """All that was said since the listener subscribed or asked last, in order.

    A mark of our own is said on one of its topics, and what comes before the mark is what was said. The
    topics are heard by every process on this Redis: other tests may speak on those that are not a test's own.
    """
    mark = str(new_id()).encode()
    topics = [name.decode() for name in (*listener.channels, *listener.patterns)]
    bus.redis.publish(topics[0].replace("*", "mark"), mark)
    return list(_before(listener, mark))


def _before(listener: "redis.client.PubSub", mark: bytes) -> Iterator[Heard]:
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        message = listener.get_message(timeout=1)
        if message is None or not message["type"].endswith("message"):
            continue
        if message["data"] == mark:
            return
        line, _, body = message["data"].partition(b"\n")
        yield Heard(message["channel"].decode(), line, body)
    raise AssertionError(f"no mark was heard within {LIMIT_S} s")
