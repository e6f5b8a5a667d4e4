"""Who publishes a channel, and when another server may."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from services import broadcast_claims as claims
from services.bus import bus
from services.errors import Conflict
from services.ids import new_id

ONE: dict[str, Any] = {"server": "one", "publisher": "ingest"}
TWO: dict[str, Any] = {"server": "two", "publisher": "ingest"}


@pytest.fixture(autouse=True)
def empty(redis_client: object) -> Iterator[None]:
    yield


def is_refused(channel: UUID, silent_s: float | None = 0.0) -> bool:
    """Whether the second server is turned away."""
    try:
        claims.claim(channel, **TWO, silent_s=silent_s)
    except Conflict:
        return True
    return False


def test_a_publisher_who_is_heard_keeps_the_channel_from_another_server() -> None:
    channel = new_id()
    claims.claim(channel, **ONE, silent_s=0.0)
    assert is_refused(channel)
    assert claims.renew(channel, **ONE, silent_s=claims.TAKEOVER_AFTER_S - 1)
    assert is_refused(channel)


def test_another_server_takes_over_from_a_publisher_who_is_silent() -> None:
    channel = new_id()
    claims.claim(channel, **ONE, silent_s=0.0)
    assert claims.renew(channel, **ONE, silent_s=claims.TAKEOVER_AFTER_S + 1)
    assert not is_refused(channel)
    assert not claims.renew(channel, **ONE, silent_s=0.0)
    with pytest.raises(Conflict):
        claims.claim(channel, **ONE, silent_s=0.0)


def test_a_server_that_says_nothing_of_silence_keeps_its_channel() -> None:
    channel = new_id()
    claims.claim(channel, **ONE, silent_s=claims.TAKEOVER_AFTER_S + 1)
    claims.claim(channel, **ONE)
    assert is_refused(channel)
    assert claims.renew(channel, **ONE)
    assert is_refused(channel, silent_s=None)


def test_a_claim_that_is_given_back_leaves_nothing_that_counts() -> None:
    channel = new_id()
    claims.claim(channel, **ONE, silent_s=claims.TAKEOVER_AFTER_S + 1)
    claims.release(channel, **ONE)
    assert not claims.is_claimed(channel)
    claims.claim(channel, **TWO)
    with pytest.raises(Conflict):
        claims.claim(channel, **ONE, silent_s=0.0)


def test_nothing_of_a_claim_is_kept_for_longer_than_it_lasts() -> None:
    channel = new_id()
    claims.claim(channel, **ONE, ttl_s=3, silent_s=1.0)
    names = bus.redis.keys(f"lease:ingest:{channel}*")
    assert len(names) == 2
    assert all(0 < bus.redis.pttl(name) <= 3000 for name in names)
