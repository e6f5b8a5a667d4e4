"""Hooks as nginx-rtmp sends them (recorded) and as MediaMTX and SRS document them, and what they do to a stream."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
import pytest
from falcon import testing

from db.models.streams import Stream
from services import broadcasts, channels
from services.actors import Role
from services.bus import bus
from tests.factories import actor_of, bearer, make_user
from tests.fakes import FakeJobs

#: What Debian's nginx 1.22 with libnginx-mod-rtmp 1.2.2 sent for ffmpeg publishing to rtmp://…/live/KEY?quality=high.
NGINX = {
    "app": "live",
    "flashver": "FMLE/3.0 (compatible; Lavf63.1.",
    "swfurl": "",
    "tcurl": "rtmp://127.0.0.1:19350/live",
    "pageurl": "",
    "addr": "127.0.0.1",
    "clientid": "1",
}
#: By MediaMTX's documentation: an RTMP encoder publishing to live/KEY.
MEDIAMTX = {
    "user": "",
    "password": "",
    "token": "",
    "ip": "172.17.0.1",
    "action": "publish",
    "protocol": "rtmp",
    "id": "54a1a7a5-4c1e-45ea-a8c0-d0fe8dbb1c4d",
    "query": "",
    "userAgent": "",
}
#: By SRS's documentation, `on_publish` and `on_unpublish`.
SRS = {
    "server_id": "vid-0xk989d",
    "service_id": "382k8dl9",
    "client_id": "341w361a",
    "ip": "172.17.0.1",
    "vhost": "__defaultVhost__",
    "app": "live",
    "tcUrl": "rtmp://127.0.0.1/live",
    "param": "",
    "stream_url": "/live/livestream",
    "stream_id": "vid-124q9y3",
}


@pytest.fixture
def key(db: None) -> str:
    return channels.stream_key(actor_of(make_user(role=Role.STREAMER))).stream_key


@pytest.fixture
def hls_elsewhere() -> Iterator[None]:
    before = bus.settings
    bus.settings = msgspec.structs.replace(before, hook_hls_url="https://media.example/hls/{name}.m3u8")
    yield
    bus.settings = before


def form(client: testing.TestClient, event: str, **fields: str) -> testing.Result:
    return client.simulate_post(
        f"/api/ingest/nginx-rtmp/{event}",
        params={"secret": bus.settings.ingest_secret},
        body=urlencode(NGINX | {"type": "live", "call": event.removeprefix("on_")} | fields),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )


def call(client: testing.TestClient, server: str, event: str, body: dict[str, Any]) -> testing.Result:
    headers = {"Authorization": f"Bearer {bus.settings.ingest_secret}"}
    return client.simulate_post(f"/api/ingest/{server}/{event}", json=body, headers=headers)


def only_stream() -> Stream:
    [found] = list(Stream.select())
    return found


def test_nginx_rtmp_publishes_from_beginning_to_end(client: testing.TestClient, key: str, jobs: FakeJobs) -> None:
    assert form(client, "on_publish", name=key, quality="high").status_code == 200
    stream = only_stream()
    assert (stream.status, stream.media_server) == ("LIVE", "nginx-rtmp")
    assert form(client, "on_update", name=key, time="5", timestamp="5000").status_code == 200
    assert form(client, "on_publish_done", name=key).status_code == 200
    stream = only_stream()
    assert (stream.status, stream.end_reason) == ("ENDED", "finished")
    assert jobs.named("media.transcode_live") == jobs.named("media.finish_recording") == []


def test_nginx_rtmp_is_refused_before_media_with_a_bad_key(client: testing.TestClient, key: str) -> None:
    assert form(client, "on_publish", name=f"{key}x").status_code == 403
    assert form(client, "on_publish", name="").status_code == 400
    assert not Stream.select().exists()


def test_a_second_encoder_is_refused_while_the_first_publishes(client: testing.TestClient, key: str) -> None:
    form(client, "on_publish", name=key)
    second = form(client, "on_publish", name=key, clientid="2")
    assert (second.status_code, second.json["code"]) == (409, "already_publishing")
    form(client, "on_publish_done", name=key, clientid="2")
    assert only_stream().status == "LIVE"


def test_an_encoder_cannot_pass_for_another_by_arguments_of_its_own(client: testing.TestClient, key: str) -> None:
    body = urlencode([*NGINX.items(), ("name", "wrong"), ("name", key), ("clientid", "9")])
    answer = client.simulate_post(
        "/api/ingest/nginx-rtmp/on_publish", params={"secret": bus.settings.ingest_secret}, body=body
    )
    assert answer.status_code == 403


def test_nginx_rtmp_is_told_a_name_without_the_key(client: testing.TestClient, key: str, hls_elsewhere: None) -> None:
    answer = form(client, "on_publish", name=key)
    stream = only_stream()
    assert (answer.status_code, answer.headers["location"]) == (302, str(stream.id))
    shown = client.simulate_get(f"/api/streams/{stream.id}").json["data"]
    assert shown["playback"]["hls"] == f"https://media.example/hls/{stream.id}.m3u8"
    assert key not in str(shown)


def test_mediamtx_asks_first_and_tells_when_the_picture_is_there(client: testing.TestClient, key: str) -> None:
    asked = {**MEDIAMTX, "path": f"live/{key}"}
    assert call(client, "mediamtx", "auth", asked).status_code == 200
    assert not Stream.select().exists()
    told = {"path": f"live/{key}", "id": MEDIAMTX["id"]}
    assert call(client, "mediamtx", "available", told).status_code == 200
    assert only_stream().status == "LIVE"
    assert call(client, "mediamtx", "update", told).status_code == 200
    assert call(client, "mediamtx", "unavailable", told).status_code == 200
    assert only_stream().status == "ENDED"


@pytest.mark.parametrize("place", ["query", "password", "token"])
def test_mediamtx_may_bring_the_key_beside_the_path(client: testing.TestClient, key: str, place: str) -> None:
    asked = {**MEDIAMTX, "path": "live/alice", place: f"key={key}" if place == "query" else key}
    assert call(client, "mediamtx", "auth", asked).status_code == 200
    assert call(client, "mediamtx", "auth", {**MEDIAMTX, "path": "live/bob"}).status_code == 403


def test_mediamtx_sends_a_public_stream_to_anybody_and_others_by_token(client: testing.TestClient, key: str) -> None:
    path = {"path": f"live/{key}"}
    read = {**MEDIAMTX, **path, "action": "read"}
    assert call(client, "mediamtx", "auth", read).status_code == 403
    call(client, "mediamtx", "auth", {**MEDIAMTX, **path})
    call(client, "mediamtx", "ready", {**path, "id": MEDIAMTX["id"]})
    assert call(client, "mediamtx", "auth", read).status_code == 200
    assert call(client, "mediamtx", "auth", {**read, "query": "token=bad"}).status_code == 403
    assert call(client, "mediamtx", "auth", {**read, "action": "api"}).status_code == 403


def test_srs_publishes_and_is_answered_as_it_likes(client: testing.TestClient, key: str) -> None:
    body = {**SRS, "action": "on_publish", "stream": "livestream", "param": f"?key={key}"}
    answer = call(client, "srs", "on_publish", body)
    assert (answer.status_code, answer.json) == (200, {"code": 0})
    assert only_stream().media_server == "srs"
    assert call(client, "srs", "on_hls", {**body, "action": "on_hls", "duration": 2.0}).json == {"code": 0}
    assert call(client, "srs", "on_unpublish", {**body, "action": "on_unpublish"}).json == {"code": 0}
    assert only_stream().status == "ENDED"


def test_srs_may_have_the_key_as_the_streams_name(client: testing.TestClient, key: str) -> None:
    assert call(client, "srs", "on_publish", {**SRS, "stream": key}).json == {"code": 0}
    assert call(client, "srs", "on_publish", {**SRS, "client_id": "b", "stream": "nobodys"}).status_code == 403


def test_our_own_ingest_and_another_server_do_not_publish_the_same_channel(
    client: testing.TestClient, key: str
) -> None:
    grant = broadcasts.authorize(key, server="here", remote_address="")
    broadcasts.claim(grant, server="here", publisher="ingest")
    assert call(client, "srs", "on_publish", {**SRS, "stream": key}).status_code == 409


def test_a_stream_that_was_ended_here_is_cut_there(client: testing.TestClient, key: str) -> None:
    form(client, "on_publish", name=key)
    broadcasts.end(UUID(str(only_stream().id)), "suspended")
    answer = form(client, "on_update", name=key)
    assert (answer.status_code, answer.json["code"]) == (403, "stream_over")


def test_a_server_that_falls_silent_loses_its_streams(client: testing.TestClient, key: str) -> None:
    form(client, "on_publish", name=key)
    for lease in bus.redis.scan_iter("lease:ingest:*"):
        bus.redis.delete(lease)
    broadcasts.reap()
    assert only_stream().interrupted_at is not None
    assert form(client, "on_update", name=key).status_code == 200
    assert only_stream().interrupted_at is None


@pytest.mark.parametrize("server", ["nginx-rtmp", "mediamtx", "srs"])
def test_hooks_want_the_secret_and_are_known_by_name(client: testing.TestClient, server: str, key: str) -> None:
    path = f"/api/ingest/{server}/on_publish"
    assert client.simulate_post(path, json={}).status_code == 401
    assert client.simulate_post(path, json={}, params={"secret": "wrong"}).status_code == 401
    user = make_user()
    assert client.simulate_post(path, json={}, headers=bearer(user)).status_code == 401
    body = {**SRS, "stream": key, "path": key}
    assert call(client, server, "on_nonsense", body).status_code in (400, 404)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"stream": 7}', b"\xff", b'{"path": "' + b"a" * 70_000 + b'"}'])
@pytest.mark.parametrize("server", ["nginx-rtmp", "mediamtx", "srs"])
def test_nonsense_is_refused(client: testing.TestClient, server: str, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {bus.settings.ingest_secret}"}
    answer = client.simulate_post(f"/api/ingest/{server}/on_publish", body=body, headers=headers)
    assert answer.status_code in (400, 413)
