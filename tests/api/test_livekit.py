"""LiveKit beside our own ingest: doors, tokens with the right grants, and webhooks that start and end streams."""

import base64
import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from falcon import testing
from livekit import api

from db.models.channels import Channel
from db.models.streams import Stream
from db.models.users import User
from db.models.webhook_events import WebhookEvent
from services import broadcasts, clock, livekit_rooms, webhooks
from services.actors import Role
from services.bus import bus
from services.errors import Unavailable
from services.livekit_rooms import creator_identity
from tests.factories import bearer, make_stream, make_user
from tests.fakes import FakeJobs
from tests.hearing import said
from tests.livekit import KEY, SECRET, FakeLiveKit, fake_livekit, webhook

INGRESS = "/api/stream/ingress"


@pytest.fixture
def livekit(db: None) -> Iterator[FakeLiveKit]:
    before = bus.settings
    with fake_livekit() as fake:
        bus.settings = msgspec.structs.replace(
            before, livekit_url=fake.url, livekit_api_key=KEY, livekit_api_secret=SECRET
        )
        yield fake
    bus.settings = before


@pytest.fixture
def streamer(db: None) -> User:
    return make_user(role=Role.STREAMER)


def channel_of(streamer: User) -> Channel:
    return Channel.get(Channel.user == streamer.id)


def event(kind: str, streamer: User, **more: Any) -> dict[str, Any]:
    """An ingress's webhook as LiveKit 1.8 spells it."""
    number = more.pop("number", 1)
    return {
        "event": kind,
        "id": f"EV_{kind}_{number}",
        "createdAt": "1763600000",
        "ingressInfo": {
            "ingressId": "IN_1",
            "roomName": str(channel_of(streamer).id),
            "participantIdentity": creator_identity(streamer.id),
            "inputType": "WHIP_INPUT",
            "state": {"status": "ENDPOINT_PUBLISHING", "startedAt": f"17636000000000000{number:02}"},
        },
    } | more


def send(client: testing.TestClient, body: bytes, authorization: str) -> testing.Result:
    headers = {"Authorization": authorization, "Content-Type": "application/webhook+json"}
    return client.simulate_post("/api/webhook/livekit", body=body, headers=headers)


def deliver(client: testing.TestClient, what: dict[str, Any]) -> None:
    """Receive a webhook, and process it as a worker does."""
    assert send(client, *webhook(what)).status_code == 200
    webhooks.process(WebhookEvent.get(WebhookEvent.event_id == what["id"]).id)


def state_of(what: dict[str, Any]) -> tuple[str, str]:
    row = WebhookEvent.get(WebhookEvent.event_id == what["id"])
    return row.state, row.error


def stream_of(streamer: User) -> Stream | None:
    return Stream.get_or_none(Stream.channel == channel_of(streamer).id)


def test_rtmp_needs_no_livekit(client: testing.TestClient, streamer: User) -> None:
    answer = client.simulate_post(INGRESS, json={}, headers=bearer(streamer))
    assert answer.status_code == 201
    made = answer.json["data"]
    assert (made["type"], made["provider"]) == ("RTMP", "astrotv")
    assert made["rtmpUrl"] == f"{made['serverUrl']}/{made['streamKey']}"
    assert broadcasts.authorize(made["streamKey"], server="here", remote_address="").user_id == streamer.id


@pytest.mark.parametrize(
    ("body", "field"),
    [({"type": "WHIP"}, "type"), ({"provider": "livekit"}, "provider"), ({"type": "SRT"}, "type"), ({"x": 1}, "x")],
)
def test_what_is_not_on_offer_names_the_field(
    client: testing.TestClient, streamer: User, body: dict[str, Any], field: str
) -> None:
    answer = client.simulate_post(INGRESS, json=body, headers=bearer(streamer))
    assert answer.status_code == 400
    assert [detail["field"] for detail in answer.json["details"]] == [field]


def test_deleting_the_ingress_revokes_the_key_and_cuts_the_publisher(
    client: testing.TestClient, streamer: User, jobs: FakeJobs
) -> None:
    pubsub = bus.redis.pubsub()
    pubsub.subscribe("ingest")
    before = client.simulate_post(INGRESS, json={}, headers=bearer(streamer)).json["data"]["streamKey"]
    assert client.simulate_delete(INGRESS, headers=bearer(streamer)).status_code == 200
    heard = [one.body for one in said(pubsub)]
    pubsub.close()
    channel = str(channel_of(streamer).id).encode()  # other tests may speak there too
    [cut] = [data for data in heard if channel in data]
    assert b'"cut"' in cut and b"key_revoked" in cut
    after = client.simulate_post(INGRESS, json={}, headers=bearer(streamer)).json["data"]["streamKey"]
    assert after != before


def test_a_whip_door_is_made_once_and_shown_again(
    client: testing.TestClient, streamer: User, livekit: FakeLiveKit
) -> None:
    first, again = (
        client.simulate_post(INGRESS, json={"type": "WHIP"}, headers=bearer(streamer)).json["data"] for _ in range(2)
    )
    assert first == again
    assert (first["whipUrl"], first["streamKey"], first["rtmpUrl"]) == ("https://livekit.example/w", "key-1", None)
    [door] = livekit.ingresses.values()
    assert door.room_name == str(channel_of(streamer).id)
    assert door.participant_identity == creator_identity(streamer.id)


def test_another_kind_of_door_takes_the_place_of_the_first(
    client: testing.TestClient, streamer: User, livekit: FakeLiveKit
) -> None:
    client.simulate_post(INGRESS, json={"type": "WHIP"}, headers=bearer(streamer))
    body = {"type": "RTMP", "provider": "livekit"}
    made = client.simulate_post(INGRESS, json=body, headers=bearer(streamer)).json["data"]
    assert made["rtmpUrl"] == f"rtmp://livekit.example/x/{made['streamKey']}"
    assert len(livekit.ingresses) == 1


def test_deleting_takes_the_door_and_the_stream_away(
    client: testing.TestClient, streamer: User, livekit: FakeLiveKit, jobs: FakeJobs
) -> None:
    client.simulate_post(INGRESS, json={"type": "WHIP"}, headers=bearer(streamer))
    deliver(client, event("ingress_started", streamer))
    assert client.simulate_delete(INGRESS, headers=bearer(streamer)).status_code == 200
    assert livekit.ingresses == {}
    stream = stream_of(streamer)
    assert stream is not None
    assert (stream.status, stream.end_reason) == ("ENDED", "key_revoked")
    [job] = jobs.named("media.close_livekit_room")
    livekit_rooms.close_room(channel_of(streamer).id)
    assert livekit.closed_rooms == [job.arguments["channel_id"]]


def test_livekit_that_is_away_is_said_so(client: testing.TestClient, streamer: User, livekit: FakeLiveKit) -> None:
    livekit.away = True
    answer = client.simulate_post(INGRESS, json={"type": "WHIP"}, headers=bearer(streamer))
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    with pytest.raises(Unavailable):
        livekit_rooms.close_room(channel_of(streamer).id)


def test_webhooks_start_and_end_a_stream(
    client: testing.TestClient, streamer: User, livekit: FakeLiveKit, jobs: FakeJobs
) -> None:
    started, ended = event("ingress_started", streamer), event("ingress_ended", streamer)
    deliver(client, started)
    stream = stream_of(streamer)
    assert stream is not None
    assert (stream.status, stream.source_type) == ("LIVE", "LIVEKIT")
    assert jobs.named("media.transcode_live") == []
    assert len(jobs.named("notifications.followers")) == 1
    deliver(client, ended)
    stream = stream_of(streamer)
    assert stream is not None
    assert (stream.status, stream.end_reason) == ("ENDED", "finished")
    assert state_of(started) == state_of(ended) == ("PROCESSED", "")


def test_a_webhook_seen_before_is_answered_and_changes_nothing(
    client: testing.TestClient, streamer: User, livekit: FakeLiveKit, jobs: FakeJobs
) -> None:
    body, authorization = webhook(event("ingress_started", streamer))
    assert [send(client, body, authorization).status_code for _ in range(3)] == [200, 200, 200]
    assert WebhookEvent.select().count() == 1
    assert len(jobs.named("webhooks.settle")) == 1


def test_an_end_that_overtakes_its_beginning_leaves_nothing_live(
    client: testing.TestClient, streamer: User, livekit: FakeLiveKit
) -> None:
    deliver(client, event("ingress_ended", streamer))
    started = event("ingress_started", streamer)
    deliver(client, started)
    assert stream_of(streamer) is None
    assert state_of(started) == ("IGNORED", "it has ended since")


def test_the_end_of_an_earlier_session_does_not_end_the_next(
    client: testing.TestClient, streamer: User, livekit: FakeLiveKit
) -> None:
    deliver(client, event("ingress_started", streamer, number=1))
    deliver(client, event("ingress_started", streamer, number=2))
    deliver(client, event("ingress_ended", streamer, number=1))
    stream = stream_of(streamer)
    assert stream is not None
    assert stream.status == "LIVE"


def test_a_creator_in_the_browser_goes_live_by_publishing_and_others_do_not(
    client: testing.TestClient, streamer: User, livekit: FakeLiveKit
) -> None:
    def told(kind: str, identity: str) -> dict[str, Any]:
        return {
            "event": kind,
            "id": f"EV_{kind}_{identity}",
            "room": {"name": str(channel_of(streamer).id), "sid": "RM_1"},
            "participant": {"identity": identity, "sid": f"PA_{identity}"},
        }

    stranger = told("track_published", f"viewer-{streamer.id}")
    deliver(client, stranger)
    assert state_of(stranger) == ("IGNORED", "not the creator")
    deliver(client, told("track_published", creator_identity(streamer.id)))
    deliver(client, told("participant_left", f"viewer-{streamer.id}"))
    stream = stream_of(streamer)
    assert stream is not None
    assert stream.status == "LIVE"
    deliver(client, told("participant_left", creator_identity(streamer.id)))
    stream = stream_of(streamer)
    assert stream is not None
    assert stream.status == "ENDED"


def test_who_is_suspended_or_publishes_elsewhere_is_sent_out_of_the_room(
    client: testing.TestClient, streamer: User, livekit: FakeLiveKit, jobs: FakeJobs
) -> None:
    User.update(suspended_at=clock.now()).where(User.id == streamer.id).execute()
    started = event("ingress_started", streamer)
    deliver(client, started)
    assert state_of(started) == ("IGNORED", "The account is suspended.")
    User.update(suspended_at=None).where(User.id == streamer.id).execute()
    broadcasts.claim(broadcasts.grant_for(channel_of(streamer).id), server="here", publisher="ingest")
    deliver(client, event("ingress_started", streamer, number=2))
    assert stream_of(streamer) is None
    assert len(jobs.named("media.close_livekit_room")) == 2


def test_a_stream_of_whose_end_no_webhook_told_is_ended_by_looking(
    client: testing.TestClient, streamer: User, livekit: FakeLiveKit
) -> None:
    deliver(client, event("ingress_started", streamer))
    livekit.published_rooms = {str(channel_of(streamer).id)}
    with clock.frozen(clock.now() + timedelta(minutes=2)):
        assert livekit_rooms.reap() == 0
        livekit.away = True
        assert livekit_rooms.reap() == 0
        livekit.away, livekit.published_rooms = False, set()
        assert livekit_rooms.reap() == 1
        assert livekit_rooms.reap() == 0
    stream = stream_of(streamer)
    assert stream is not None
    assert (stream.status, stream.end_reason) == ("ENDED", "connection_lost")


def test_a_stream_that_has_just_begun_is_left_to_its_webhooks(
    client: testing.TestClient, streamer: User, livekit: FakeLiveKit
) -> None:
    deliver(client, event("ingress_started", streamer))
    assert livekit_rooms.reap() == 0
    assert livekit.calls == []


def test_a_room_that_is_not_ours_is_none_of_our_business(
    client: testing.TestClient, streamer: User, livekit: FakeLiveKit
) -> None:
    for number, room in enumerate(("lobby", "0190a0b0-0000-7000-8000-000000000009")):
        foreign = {"event": "room_finished", "id": f"EV_{number}", "room": {"name": room}}
        deliver(client, foreign)
        assert state_of(foreign)[0] == "IGNORED"
    other = {"event": "egress_started", "id": "EV_other"}
    assert send(client, *webhook(other)).status_code == 200
    assert state_of(other)[0] == "IGNORED"


def test_what_livekit_did_not_sign_is_refused_and_not_stored(
    client: testing.TestClient, streamer: User, livekit: FakeLiveKit
) -> None:
    started = event("ingress_started", streamer)
    body, good = webhook(started)
    bad = [
        (body + b" ", good),
        (body, ""),
        (body, "x.y.z"),
        (body, webhook(started, secret="another secret that is as long as it must be")[1]),
        (body, webhook(started, lasts=timedelta(minutes=-5))[1]),
        (body, api.AccessToken(KEY, SECRET).to_jwt()),
        webhook_of(b"[1]"),
        webhook_of(b"\xff"),
    ]
    for sent, authorization in bad:
        answer = send(client, sent, authorization)
        assert (answer.status_code, answer.json["code"]) == (400, "bad_signature")
    assert not WebhookEvent.select().exists()


def webhook_of(body: bytes) -> tuple[bytes, str]:
    """Something else than an event, well signed."""
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    return body, api.AccessToken(KEY, SECRET).with_sha256(digest).to_jwt()


def test_without_livekit_no_webhook_is_taken(client: testing.TestClient, streamer: User) -> None:
    assert send(client, *webhook(event("ingress_started", streamer))).status_code == 400


def test_viewers_may_watch_and_creators_publish(
    client: testing.TestClient, streamer: User, livekit: FakeLiveKit
) -> None:
    deliver(client, event("ingress_started", streamer))
    viewer, room = make_user(), str(channel_of(streamer).id)
    body = {"username": streamer.username}
    granted = client.simulate_post("/api/viewer/token", json=body, headers=bearer(viewer)).json["data"]
    assert (granted["provider"], granted["url"]) == ("livekit", livekit.url)
    claims = api.TokenVerifier(KEY, SECRET).verify(granted["token"])
    assert claims.identity == f"viewer-{viewer.id}"
    assert claims.video is not None
    assert (claims.video.room, claims.video.room_join, claims.video.can_subscribe) == (room, True, True)
    assert (claims.video.can_publish, claims.video.can_publish_data, claims.video.room_admin) == (False, False, None)
    guest = client.simulate_post("/api/viewer/token", json=body).json["data"]
    assert api.TokenVerifier(KEY, SECRET).verify(guest["token"]).identity.startswith("guest-")
    own = client.simulate_post("/api/stream/creator-token", headers=bearer(streamer)).json["data"]
    claims = api.TokenVerifier(KEY, SECRET).verify(own["token"])
    assert claims.identity == creator_identity(streamer.id)
    assert claims.video is not None
    assert claims.video.can_publish


def test_a_creator_with_nothing_on_air_may_go_live_from_a_browser(
    client: testing.TestClient, streamer: User, livekit: FakeLiveKit
) -> None:
    make_stream(channel_of(streamer), status="ENDED")
    own = client.simulate_post("/api/stream/creator-token", headers=bearer(streamer)).json["data"]
    claims = api.TokenVerifier(KEY, SECRET).verify(own["token"])
    assert claims.video is not None
    assert (claims.video.room, claims.video.can_publish) == (str(channel_of(streamer).id), True)
    assert own["streamId"] is None


def test_a_creator_on_air_by_rtmp_sees_that(client: testing.TestClient, streamer: User, livekit: FakeLiveKit) -> None:
    make_stream(channel_of(streamer))
    assert client.simulate_post("/api/stream/creator-token", headers=bearer(streamer)).json["data"]["provider"] == "hls"


def test_a_room_for_subscribers_is_not_joined_by_others(
    client: testing.TestClient, streamer: User, livekit: FakeLiveKit
) -> None:
    stream = make_stream(channel_of(streamer), visibility="SUBSCRIBERS", source_type="LIVEKIT", media_name="x")
    answer = client.simulate_post("/api/viewer/token", json={"streamId": str(stream.id)})
    assert (answer.status_code, answer.json["code"]) == (403, "subscription_required")
