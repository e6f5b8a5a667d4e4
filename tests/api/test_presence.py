"""Viewers without a socket are counted while they say that they are there, and once."""

import pytest
import redis
from falcon import testing

from services import presence
from services.bus import bus
from services.presence import Change
from tests.factories import bearer, make_channel, make_stream, make_user


def beat(client: testing.TestClient, stream_id: object, **rest: object) -> testing.Result:
    return client.simulate_post(f"/api/streams/{stream_id}/presence", **rest)


def test_guests_count_once_each_by_the_id_that_they_were_given(client: testing.TestClient) -> None:
    stream = make_stream()
    first = beat(client, stream.id).json["data"]
    assert (first["viewerCount"], first["nextInSeconds"]) == (1, 10)
    again = beat(client, stream.id, json={"viewerId": first["viewerId"]}).json["data"]
    assert again["viewerCount"] == 1
    assert beat(client, stream.id).json["data"]["viewerCount"] == 2


def test_a_person_counts_once_however_they_watch(client: testing.TestClient) -> None:
    channel, viewer = make_channel(), make_user()
    stream = make_stream(channel)
    presence.record("a-realtime-process", [Change(channel.room_id, arrived=[viewer.id.bytes])])
    assert beat(client, stream.id, headers=bearer(viewer)).json["data"]["viewerCount"] == 1


def test_who_falls_silent_no_longer_counts(client: testing.TestClient, redis_client: "redis.Redis") -> None:
    channel = make_channel()
    stream = make_stream(channel)
    beat(client, stream.id)
    [kept] = bus.redis.scan_iter(f"viewers:{channel.room_id}:http-*")
    assert 0 < bus.redis.pttl(kept) <= presence.TTL_MS
    bus.redis.delete(kept)
    assert presence.viewer_count(channel.room_id) == 0


def test_only_what_is_live_and_may_be_watched_has_viewers(client: testing.TestClient) -> None:
    assert beat(client, make_stream(status="ENDED").id).status_code == 409
    assert beat(client, make_stream(visibility="SUBSCRIBERS").id).status_code == 403
    assert beat(client, "x").status_code == 404


@pytest.mark.parametrize("body", [{"viewerId": "me"}, {"room": 1}])
def test_a_strange_sign_of_life_is_refused(client: testing.TestClient, body: dict[str, object]) -> None:
    assert beat(client, make_stream().id, json=body).status_code == 400
