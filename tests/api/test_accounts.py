"""Signing up and in over HTTP, as a front end does it."""

import pytest
from falcon import testing

from services.bus import bus
from tests.configuring import configured
from tests.factories import PASSWORD, bearer, make_user

Client = testing.TestClient


def register(client: Client, **fields: object) -> testing.Result:
    body = {"email": "mira@example.com", "password": PASSWORD} | fields
    return client.simulate_post("/api/auth/register", json=body)


@pytest.mark.parametrize("path", ["/api/auth/register", "/api/auth/signup", "/api/auth/signup/email", "/auth/signup"])
def test_signing_up_gives_an_account_and_a_session(client: Client, path: str) -> None:
    result = client.simulate_post(path, json={"email": "Mira.Lund@Example.com", "password": PASSWORD})
    assert result.status_code == 201
    data = result.json["data"]
    assert data["user"]["email"] == "mira.lund@example.com"
    assert data["user"]["username"] == "mira_lund"
    assert (data["user"]["coins"], data["user"]["points"], data["user"]["level"]) == (0, 0, 1)
    assert data["token"] == data["session"]["access_token"] == result.headers["set-auth-token"]
    assert data["session"]["token_type"] == "Bearer"
    assert result.headers["location"] == f"/api/users/{data['user']['id']}"
    me = client.simulate_get("/api/auth/me", headers={"Authorization": f"Bearer {data['token']}"})
    assert me.json["data"]["id"] == data["user"]["id"]


def test_an_email_can_be_used_once_whatever_its_case(client: Client) -> None:
    assert register(client).status_code == 201
    again = register(client, email="MIRA@EXAMPLE.COM")
    assert (again.status_code, again.json["code"]) == (409, "email_taken")


def test_a_made_up_username_gives_way_and_a_chosen_one_does_not(client: Client) -> None:
    register(client)
    other = register(client, email="mira@example.org")
    assert other.json["data"]["user"]["username"].startswith("mira_")
    chosen = register(client, email="m2@example.org", username="mira")
    assert (chosen.status_code, chosen.json["code"]) == (409, "username_taken")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"email": "nonsense"}, "email"),
        ({"password": "short"}, "password"),
        ({"password": "p" * 73}, "password"),
        ({"password": "é" * 37}, "password"),
        ({"username": "UPPER"}, "username"),
        ({"name": "a\x00b"}, "name"),
        ({"isAdmin": True}, "isAdmin"),
        ({"role": "admin"}, "role"),
        ({"email": None}, "email"),
        ({"email": 7}, "email"),
    ],
)
def test_wrong_input_is_refused_by_the_name_of_its_field(client: Client, fields: dict[str, object], field: str) -> None:
    result = register(client, **fields)
    assert result.status_code == 400
    assert [detail["field"] for detail in result.json["details"]] == [field]


def test_every_wrong_field_is_named_at_once(client: Client) -> None:
    result = client.simulate_post("/api/auth/register", json={"email": 1, "unknown": 2})
    assert {d["field"] for d in result.json["details"]} == {"email", "unknown", "password"}


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("{", "application/json", 400),
        ("[]", "application/json", 400),
        ("null", "application/json", 400),
        ("[" * 100_000, "application/json", 400),
        ("{}", "text/plain", 415),
        ('{"email": "%s"}' % ("a" * (1 << 20)), "application/json", 413),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(client: Client, body: str, content_type: str, status: int) -> None:
    result = client.simulate_post("/api/auth/login", body=body, headers={"Content-Type": content_type})
    assert result.status_code == status
    assert result.json["success"] is False


def test_signing_in_works_by_email_and_by_username(client: Client) -> None:
    user = make_user(username="mira", email="mira@example.com")
    for who in ({"email": "MIRA@example.com"}, {"username": "mira"}):
        result = client.simulate_post("/api/auth/login", json={"password": PASSWORD} | who)
        assert result.status_code == 200
        assert result.json["data"]["user"]["id"] == str(user.id)


def test_a_wrong_password_and_an_unknown_account_are_answered_alike(client: Client) -> None:
    make_user(email="mira@example.com")
    answers = [
        client.simulate_post("/api/auth/login", json={"email": email, "password": "wrong password"})
        for email in ("mira@example.com", "nobody@example.com")
    ]
    assert [a.status_code for a in answers] == [401, 401]
    assert answers[0].json == answers[1].json


def test_five_failures_delay_the_next_try(client: Client) -> None:
    make_user(email="mira@example.com")
    wrong = {"email": "mira@example.com", "password": "wrong password"}
    for _ in range(5):
        assert client.simulate_post("/api/auth/login", json=wrong).status_code == 401
    result = client.simulate_post("/api/auth/login", json=wrong | {"password": PASSWORD})
    assert result.status_code == 429
    assert int(result.headers["retry-after"]) > 0


def test_a_suspended_account_can_neither_sign_in_nor_act(client: Client) -> None:
    user = make_user(email="mira@example.com", suspended=True)
    login = client.simulate_post("/api/auth/login", json={"email": "mira@example.com", "password": PASSWORD})
    assert (login.status_code, login.json["code"]) == (403, "account_suspended")
    assert client.simulate_get("/api/auth/me", headers=bearer(user)).status_code == 403


def test_a_refresh_token_is_good_once_and_its_reuse_ends_the_session(client: Client) -> None:
    first = register(client).json["data"]["session"]

    def refresh(token: str) -> testing.Result:
        return client.simulate_post("/api/auth/refresh", json={"refreshToken": token})

    second = refresh(first["refresh_token"]).json["data"]
    assert second["refresh_token"] != first["refresh_token"]
    assert refresh(first["refresh_token"]).status_code == 401
    assert refresh(second["refresh_token"]).status_code == 401
    me = client.simulate_get("/api/auth/me", headers={"Authorization": f"Bearer {second['access_token']}"})
    assert (me.status_code, me.json["code"]) == (401, "session_ended")


@pytest.mark.parametrize("path", ["/api/auth/logout", "/api/auth/signout", "/api/auth/sign-out"])
def test_signing_out_kills_the_access_token_at_once(client: Client, path: str) -> None:
    headers = bearer(make_user())
    assert client.simulate_post(path, headers=headers).status_code == 200
    assert client.simulate_get("/api/auth/me", headers=headers).status_code == 401


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0."])
def test_a_token_that_we_did_not_sign_is_refused(client: Client, token: str) -> None:
    result = client.simulate_get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})
    assert result.status_code == 401
    assert client.simulate_get("/api/users/x", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_the_rate_limit_of_the_auth_routes_is_told_and_held(client: Client) -> None:
    limit = int(bus.settings.rate_limit_auth.partition("/")[0])
    results = [client.simulate_post("/api/auth/refresh", json={"refreshToken": "x"}) for _ in range(limit + 1)]
    assert results[0].headers["ratelimit-limit"] == str(limit)
    assert results[0].headers["ratelimit-remaining"] == str(limit - 1)
    assert [r.status_code for r in results] == [401] * limit + [429]
    assert "retry-after" in results[-1].headers


def test_sessions_are_listed_and_revoked_by_their_owner_alone(client: Client) -> None:
    mine, other = bearer(user := make_user()), bearer(make_user())
    second = bearer(user)
    listed = client.simulate_get("/api/auth/sessions", headers=mine).json["data"]
    assert len(listed) == 2
    (elsewhere,) = [session["id"] for session in listed if not session["isCurrent"]]
    assert client.simulate_delete(f"/api/auth/sessions/{elsewhere}", headers=other).status_code == 404
    assert client.simulate_delete(f"/api/auth/sessions/{elsewhere}", headers=mine).status_code == 200
    assert client.simulate_get("/api/auth/me", headers=second).status_code == 401


def test_a_session_remembers_the_address_that_our_proxy_saw(client: Client) -> None:
    body = {"email": "mira@example.com", "password": PASSWORD}
    forged = {"X-Forwarded-For": "6.6.6.6, 192.0.2.1"}
    with configured(trusted_proxies=1):
        result = client.simulate_post("/api/auth/register", json=body, headers=forged)
    headers = {"Authorization": f"Bearer {result.json['data']['token']}"}
    (session,) = client.simulate_get("/api/auth/sessions", headers=headers).json["data"]
    assert session["ip"] == "192.0.2.1"
