"""What holds for every request, whatever its route."""

import pytest
import redis
from falcon import testing

from db.connection import database
from services.actors import Role
from services.bus import bus
from tests.factories import bearer, make_user

Client = testing.TestClient


def test_a_request_id_is_kept_where_harmless_and_made_where_not(client: Client) -> None:
    given = client.simulate_get("/health", headers={"X-Request-ID": "abc-1"})
    assert given.headers["x-request-id"] == "abc-1"
    forged = client.simulate_get("/health", headers={"X-Request-ID": "a b\tc" + "x" * 100})
    assert len(forged.headers["x-request-id"]) == 36


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("PUT", "/api/auth/login", 405)])
def test_an_address_that_is_none_is_answered_in_the_envelope(
    client: Client, method: str, path: str, status: int
) -> None:
    result = client.simulate_request(method, path)
    assert result.status_code == status
    assert result.json["success"] is False
    assert result.json["code"]
    assert "x-request-id" in result.headers
    assert "ratelimit-limit" in result.headers


def test_every_answer_carries_the_security_headers(client: Client) -> None:
    headers = client.simulate_get("/api/streams").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "default-src 'none'" in headers["content-security-policy"]


def test_only_the_configured_origins_are_told_that_they_may_read(client: Client) -> None:
    ours = bus.settings.cors_origins[0]
    allowed = client.simulate_get("/api/streams", headers={"Origin": ours})
    assert allowed.headers["access-control-allow-origin"] == ours
    foreign = client.simulate_get("/api/streams", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in foreign.headers
    preflight = client.simulate_options(
        "/api/auth/login", headers={"Origin": ours, "Access-Control-Request-Method": "POST"}
    )
    assert preflight.status_code == 200
    assert "POST" in preflight.headers["access-control-allow-methods"]


def test_a_viewer_may_not_call_what_is_for_creators(client: Client) -> None:
    assert client.simulate_get("/api/auth/stream-key").status_code == 401
    viewer = client.simulate_get("/api/auth/stream-key", headers=bearer(make_user()))
    assert (viewer.status_code, viewer.json["code"]) == (403, "streamer_required")
    assert client.simulate_get("/api/auth/stream-key", headers=bearer(make_user(role=Role.STREAMER))).status_code == 200


def test_with_redis_away_requests_pass(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> object:
        raise redis.ConnectionError("gone")

    monkeypatch.setattr(bus.redis.connection_pool, "get_connection", away)
    assert client.simulate_get("/api/streams").status_code == 200


def test_the_connection_is_given_back(opened: object, committed_db: object, client: Client) -> None:
    client.simulate_get("/api/streams")
    assert database.is_closed()


def test_readiness_names_what_it_asked(client: Client) -> None:
    result = client.simulate_get("/health/ready")
    assert result.status_code == 200
    assert set(result.json["data"]["parts"]) == {"database", "broker", "storage"}


def test_metrics_are_for_internal_networks(client: Client) -> None:
    assert "astrotv_http_requests_total" in client.simulate_get("/metrics").text
    assert client.simulate_get("/metrics", remote_addr="8.8.8.8").status_code == 403
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        assert client.simulate_get("/metrics", headers={name: "8.8.8.8"}).status_code == 403


def test_a_dead_cursor_names_itself(client: Client) -> None:
    result = client.simulate_get("/api/streams", params={"cursor": "%%%"})
    assert (result.status_code, result.json["code"]) == (400, "bad_cursor")
    assert client.simulate_get("/api/streams", params={"limit": "101"}).json["details"][0]["field"] == "limit"
    assert client.simulate_get("/api/streams", params={"limit": "x"}).json["details"][0]["field"] == "limit"


def test_who_has_a_public_answer_already_is_not_sent_it_again(client: Client) -> None:
    first = client.simulate_get("/api/categories")
    again = client.simulate_get("/api/categories", headers={"If-None-Match": f'"x", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    other = client.simulate_get("/api/categories", headers={"If-None-Match": '"x"'})
    assert (other.status_code, other.content) == (200, first.content)


def test_what_is_for_one_person_has_no_tag(client: Client) -> None:
    assert "etag" not in client.simulate_get("/api/auth/me", headers=bearer(make_user())).headers


def test_no_body_is_an_empty_object(client: Client) -> None:
    user = make_user()
    assert client.simulate_post("/api/user/become-creator", headers=bearer(user)).status_code == 200
    refused = client.simulate_post("/api/auth/refresh")
    assert (refused.status_code, refused.json["details"]) == (
        400,
        [{"field": "refreshToken", "message": "is required"}],
    )
