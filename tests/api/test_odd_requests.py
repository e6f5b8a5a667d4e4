"""Requests that no client of ours makes: odd paths, cursors, chunks, names of parts, and where they come from."""

import base64
import io
import json
from typing import Any

import pytest
from falcon import testing
from gunicorn.http.errors import InvalidChunkSize

from services.actors import Role
from services.ids import new_id
from tests.factories import bearer, make_user
from tests.forms import BOUNDARY, MULTIPART

Client = testing.TestClient


@pytest.mark.parametrize(
    "path",
    [
        "/api/users/%00", "/api/profiles/a%00b", "/api/viewer/stream/%00", "/api/social/creator/%1b%5b31m",
        "/api/data/streams/details/%00", "/api/data/search/%00", "/api/users/%C2%85", "/nowhere%00",
    ],
)  # fmt: skip
def test_nothing_is_at_an_address_with_control_characters(client: Client, path: str) -> None:
    headers = bearer(make_user())
    result = client.simulate_get(path, headers=headers)
    assert (result.status_code, result.json["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["/api/streams", "/api/viewer/live", "/api/data/streams", "/api/viewer/recommended"])
@pytest.mark.parametrize("key", [[2**31, 1], [2**63, 1], [-1, 1], ["2026-01-01T00:00:00+23:59", 1], [True, 10**30, 1]])
def test_a_cursor_that_somebody_made_up_is_a_bad_request(client: Client, path: str, key: list[Any]) -> None:
    key = [str(make_user().id) if part == 1 and part is not True else part for part in key]
    cursor = base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")
    result = client.simulate_get(path, params={"cursor": cursor})
    assert (result.status_code, result.json["code"]) == (400, "bad_cursor")


def test_chunks_that_are_none_are_a_bad_request(client: Client) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise InvalidChunkSize(b"zz")

    headers = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    result = client.simulate_post("/api/auth/login", headers=headers, extras={"wsgi.input": Broken()})
    assert (result.status_code, result.json["code"]) == (400, "malformed")


def test_a_part_by_another_name_is_not_taken_for_one_that_is_known(client: Client) -> None:
    part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="te\x00xt"\r\n\r\nhello\r\n--{BOUNDARY}--\r\n'
    headers = bearer(make_user()) | MULTIPART
    result = client.simulate_post("/api/content/posts", headers=headers, body=part)
    assert (result.status_code, result.json["code"]) == (400, "invalid")


@pytest.mark.parametrize("control", ["\x00", "\x07", "\x1b", "\x7f", "\x85", "\x9b"])
def test_no_text_holds_a_control_character(client: Client, control: str) -> None:
    headers = bearer(make_user())
    result = client.simulate_patch("/api/viewer/profile", headers=headers, json={"bio": f"a{control}b"})
    assert (result.status_code, result.json["details"][0]["field"]) == (400, "bio")


@pytest.mark.parametrize("url", ["https://169.254.169.254/x", "http://a@example.com/x", "https://localhost/x"])
def test_no_avatar_leads_browsers_into_private_networks(client: Client, url: str) -> None:
    headers = bearer(make_user())
    result = client.simulate_patch("/api/viewer/profile", headers=headers, json={"avatar": url})
    assert (result.status_code, result.json["details"][0]["field"]) == (400, "avatar")


@pytest.mark.parametrize(
    "address", ["172.15.0.1", "172.32.0.1", "172.200.1.1", "11.0.0.1", "::ffff:8.8.8.8", "2606:4700::1"]
)
def test_metrics_are_refused_to_the_internet(client: Client, address: str) -> None:
    assert client.simulate_get("/metrics", remote_addr=address).status_code == 403


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "10.1.2.3", "172.31.0.1", "192.168.7.7", "::ffff:10.0.0.1", "fd00::1"]
)
def test_metrics_are_for_networks_inside(client: Client, address: str) -> None:
    assert client.simulate_get("/metrics", remote_addr=address).status_code == 200


def test_caches_are_told_that_answers_differ_by_origin(client: Client) -> None:
    assert client.simulate_get("/api/categories").headers["vary"] == "Origin"
    allowed = client.simulate_get("/api/categories", headers={"Origin": "http://localhost:3000"})
    assert (allowed.headers["vary"], allowed.headers["access-control-allow-origin"]) == (
        "Origin",
        "http://localhost:3000",
    )


@pytest.mark.parametrize("text", ["\u200b", "\u3164", "\u2800 \u2800", "\ufeff", "\u202e", "\u0301", "\u00ad\u200d"])
def test_what_nobody_can_see_is_no_text(client: Client, text: str) -> None:
    headers = bearer(make_user(role=Role.STREAMER))
    posts: list[tuple[str, str, dict[str, Any]]] = [
        ("/api/streams", "title", {}),
        ("/api/content/posts", "text", {}),
        ("/api/lounges", "name", {}),
        ("/api/panel/gifts", "name", {"cost": 1}),
        ("/api/marketplace/items", "name", {"price": 1, "stock": 1}),
    ]
    for path, field, rest in posts:
        refused = client.simulate_post(path, headers=headers, json=rest | {field: f" {text} "})
        assert (refused.status_code, [detail["field"] for detail in refused.json["details"]]) == (400, [field])
    named = client.simulate_patch("/api/viewer/profile", headers=headers, json={"name": text})
    assert (named.status_code, named.json["details"][0]["field"]) == (400, "name")
    assert client.simulate_patch("/api/viewer/profile", headers=headers, json={"bio": text}).json["data"]["bio"] == ""


def test_invisible_characters_that_serve_others_stay(client: Client) -> None:
    headers, bio = bearer(make_user()), "می\u200cخواهم 👩\u200d👧 \u202eabc"
    assert client.simulate_patch("/api/viewer/profile", headers=headers, json={"bio": bio}).json["data"]["bio"] == bio


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 200),
        ("Application/JSON ; charset=utf-8", 200),
        ("application/jsonx", 415),
        ("application/json-patch+json", 415),
        ("text/plain", 415),
    ],
)
def test_json_is_what_says_so(client: Client, kind: str, status: int) -> None:
    headers = bearer(make_user()) | {"Content-Type": kind}
    assert client.simulate_patch("/api/viewer/profile", headers=headers, body='{"bio": "x"}').status_code == status


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/api/social/block/{}"), ("GET", "/api/subscriptions/{}"), ("GET", "/api/subscriptions/streamer/{}")],
)
def test_what_is_asked_of_nobody_is_not_found(client: Client, method: str, path: str) -> None:
    headers = bearer(make_user(role=Role.ADMIN))
    assert client.simulate_request(method, path.format(new_id()), headers=headers).status_code == 404
    assert client.simulate_request(method, path.format(make_user().id), headers=headers).status_code == 200
