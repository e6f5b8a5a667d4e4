"""How many requests one caller may make: counted whatever becomes of them, and refused before anything is done."""

from collections.abc import Iterator

import msgspec
import pytest
from falcon import testing

from api.app import create_app
from api.middleware import rate_limit
from api.middleware.rate_limit import REFUSED_FOR_S
from db.models.posts import Post
from services import sessions, throttle
from services.bus import bus
from tests.factories import bearer, make_user

MOST = 3


@pytest.fixture
def client(_database: None) -> Iterator[testing.TestClient]:
    """The API, which takes few requests of anybody."""
    settings = msgspec.structs.replace(bus.settings, rate_limit_default=f"{MOST}/minute", rate_limit_auth="2/minute")
    yield testing.TestClient(create_app(settings))


def test_an_account_has_its_number_wherever_it_calls_from(client: testing.TestClient) -> None:
    headers = bearer(make_user())
    seen = [
        client.simulate_get("/api/notifications", headers=headers, remote_addr=f"192.0.2.{number}")
        for number in range(MOST + 2)
    ]
    assert [answer.status_code for answer in seen] == [200] * MOST + [429] * 2
    assert [answer.headers["ratelimit-remaining"] for answer in seen] == ["2", "1", "0", "0", "0"]
    assert all(answer.headers["ratelimit-limit"] == str(MOST) for answer in seen)
    assert all(1 <= int(answer.headers["retry-after"]) <= 60 for answer in seen[MOST:])
    assert seen[-1].json["code"] == "rate_limited"


def test_nothing_is_done_for_whom_there_is_no_room(client: testing.TestClient) -> None:
    headers = bearer(user := make_user())
    written = [client.simulate_post("/api/content/posts", headers=headers, json={"text": "x"}) for _ in range(MOST + 1)]
    assert [answer.status_code for answer in written] == [201] * MOST + [429]
    assert Post.select().where(Post.author == user.id).count() == MOST


def test_accounts_and_addresses_are_refused_apart(client: testing.TestClient) -> None:
    full, other = bearer(make_user()), bearer(make_user())
    for _ in range(MOST + 1):
        client.simulate_get("/api/notifications", headers=full)
    assert client.simulate_get("/api/notifications", headers=full).status_code == 429
    assert client.simulate_get("/api/notifications", headers=other).status_code == 200
    assert client.simulate_get("/api/auth/me", headers=full).status_code == 200  # another window
    assert client.simulate_get("/api/categories").status_code == 200


@pytest.mark.parametrize("path", ["/api/nowhere", "/api/users/nobody-at-all"])
def test_what_leads_nowhere_counts_as_well(client: testing.TestClient, path: str) -> None:
    headers = bearer(make_user())
    seen = [client.simulate_get(path, headers=headers).status_code for _ in range(MOST + 2)]
    assert seen == [404] * MOST + [429] * 2


def test_a_session_that_has_ended_is_counted_before_it_is_told(client: testing.TestClient) -> None:
    headers = bearer(user := make_user())
    sessions.revoke_others(user.id)
    seen = [client.simulate_get("/api/notifications", headers=headers).status_code for _ in range(MOST + 2)]
    assert seen == [401] * MOST + [429] * 2


def test_a_token_that_is_none_of_ours_is_counted_for_its_address(client: testing.TestClient) -> None:
    seen = [
        client.simulate_get("/api/notifications", headers={"Authorization": f"Bearer made.up.{number}"})
        for number in range(MOST + 1)
    ]
    assert [answer.status_code for answer in seen] == [401] * MOST + [429]


def test_whoever_was_just_refused_is_refused_again_and_nobody_is_asked(
    client: testing.TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers, now = bearer(make_user()), [100.0]
    monkeypatch.setattr(rate_limit, "monotonic", lambda: now[0])
    for _ in range(MOST):
        client.simulate_get("/api/notifications", headers=headers)
    assert client.simulate_get("/api/notifications", headers=headers).status_code == 429
    with monkeypatch.context() as patched:
        patched.setattr(throttle, "begin_hit", _must_not_be_asked)
        patched.setattr(sessions, "verify_access_token", _must_not_be_asked)
        now[0] += REFUSED_FOR_S - 0.1
        again = client.simulate_get("/api/notifications", headers=headers)
    assert (again.status_code, again.headers["ratelimit-remaining"]) == (429, "0")
    bus.redis.flushdb()
    assert client.simulate_get("/api/notifications", headers=headers).status_code == 429
    now[0] += 0.2
    assert client.simulate_get("/api/notifications", headers=headers).status_code == 200


def _must_not_be_asked(*_: object) -> None:
    raise AssertionError("nobody is to be asked")
