"""Distinct viewers over all processes, and what happens to those of a process that died."""

from uuid import UUID

import pytest
import redis

from services import presence
from services.ids import new_id
from services.presence import Change
from services.topics import room_topic
from tests.hearing import said

ANA, BEN, GUEST = b"a" * 16, b"b" * 16, b"g" * 16


@pytest.fixture
def room(redis_client: "redis.Redis") -> UUID:
    return new_id()


def told(listener: "redis.client.PubSub") -> list[bytes]:
    return [heard.body for heard in said(listener)]


def test_a_person_in_two_processes_counts_once(room: UUID) -> None:
    presence.record("one", [Change(room, arrived=[ANA, GUEST])])
    assert presence.record("two", [Change(room, arrived=[ANA, BEN])])[room].viewers == 3
    presence.record("one", [Change(room, left=[ANA])])
    assert presence.viewer_count(room) == 3
    presence.record("two", [Change(room, left=[ANA, BEN])])
    assert presence.viewer_count(room) == 1


def test_a_process_that_does_not_refresh_stops_counting(room: UUID, redis_client: "redis.Redis") -> None:
    presence.record("dead", [Change(room, arrived=[ANA])])
    presence.record("alive", [Change(room, arrived=[BEN])])
    assert 0 < redis_client.pttl(f"viewers:{room}:dead") <= presence.TTL_MS
    redis_client.zadd(f"viewers:{room}", {"dead": 1})
    assert presence.viewer_count(room) == 1
    assert presence.record("alive", [Change(room)])[room].viewers == 1


def test_a_room_is_told_of_a_new_count_and_not_more_than_once_a_second(
    room: UUID, redis_client: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "TELL_EVERY_MS", 60_000)  # however long this machine takes
    listener = redis_client.pubsub()
    listener.subscribe(room_topic(room))
    first = presence.record("one", [Change(room, arrived=[ANA])])[room]
    again = presence.record("one", [Change(room)])[room]
    told_at = int(redis_client.hget(f"viewers:{room}:told", "at") or 0)
    second = presence.record("two", [Change(room, arrived=[BEN])])[room]
    assert (first.is_told, again.is_told, second.is_told, told_at > 0) == (True, True, False, True)
    assert told(listener) == [b'{"type":"viewer_count","count":1}']
    redis_client.hset(f"viewers:{room}:told", "at", 0)
    assert presence.record("two", [Change(room)])[room].is_told
    assert told(listener) == [b'{"type":"viewer_count","count":2}']
    redis_client.hset(f"viewers:{room}:told", "at", told_at + 3_600_000)  # and then the clock went back
    assert presence.record("one", [Change(room, left=[ANA])])[room].is_told
    assert told(listener) == [b'{"type":"viewer_count","count":1}']
    listener.close()


def test_many_viewers_are_told_in_parts(room: UUID) -> None:
    crowd = [number.to_bytes(16) for number in range(5000)]
    assert presence.record("one", [Change(room, arrived=crowd)])[room].viewers == 5000
    counted = presence.record("one", [Change(room, left=crowd[1:])])[room]
    assert (counted.viewers, counted.of_this_process) == (1, 1)
