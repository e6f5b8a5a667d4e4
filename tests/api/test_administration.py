"""What administrators do to people over HTTP."""

from typing import Any

import msgspec
import pytest
from falcon import testing

from db.connection import query
from db.models.channels import Channel
from db.models.outbox import OutboxRow
from services import broadcasts, channels
from services.actors import Role
from services.bus import bus
from services.errors import Forbidden
from services.topics import CONTROL, INGEST
from tests.factories import actor_of, bearer, make_user
from tests.hearing import said

Client = testing.TestClient
USERS = "/api/admin/users"


@pytest.fixture
def admin() -> dict[str, str]:
    return bearer(make_user(role=Role.ADMIN, username="the_admin"))


def found(client: Client, headers: dict[str, str], **params: str) -> list[str]:
    result = client.simulate_get(USERS, params=params, headers=headers)
    assert result.status_code == 200
    return [person["username"] for person in result.json["data"]]


def test_people_are_found_by_the_beginning_of_what_they_are_called(client: Client, admin: dict[str, str]) -> None:
    user = make_user(username="mira_lund", email="captain@example.com")
    make_user(username="miralund")
    for q in ("MIRA_", "capt", "captain@example.com", "Mira_Lu", str(user.id)):
        assert found(client, admin, q=q) == ["mira_lund"]
    assert found(client, admin, q="mira") == ["miralund", "mira_lund"]
    for nobody in ("ira", "%", "_", "\\"):
        assert found(client, admin, q=nobody) == []


def test_people_are_filtered_by_role_and_suspension(client: Client, admin: dict[str, str]) -> None:
    make_user(username="bad", suspended=True)
    make_user(username="live", role=Role.STREAMER)
    assert found(client, admin, role="streamer") == ["live"]
    assert found(client, admin, status="suspended") == ["bad"]
    assert set(found(client, admin, status="active")) == {"live", "the_admin"}
    assert found(client, admin, role="streamer", q="bad") == []
    assert client.simulate_get(USERS, params={"role": "king"}, headers=admin).status_code == 400


def test_pages_follow_one_another_without_a_gap(client: Client, admin: dict[str, str]) -> None:
    for _ in range(5):
        make_user()
    everybody = found(client, admin)
    seen, params = [], {"limit": "2"}
    while True:
        result = client.simulate_get(USERS, params=params, headers=admin).json
        seen += [person["username"] for person in result["data"]]
        if result["meta"]["nextCursor"] is None:
            break
        params["cursor"] = result["meta"]["nextCursor"]
    assert seen == everybody and len(seen) == 6


def test_an_administrator_sees_what_others_do_not(client: Client, admin: dict[str, str]) -> None:
    user = make_user(username="mira")
    (shown,) = client.simulate_get(USERS, params={"q": "mira"}, headers=admin).json["data"]
    assert (shown["email"], shown["emailVerified"], shown["suspendedAt"]) == (user.email, False, None)
    assert "passwordHash" not in shown


@pytest.mark.parametrize("role", [Role.VIEWER, Role.STREAMER, Role.MODERATOR])
def test_nobody_else_may(client: Client, role: Role) -> None:
    user, headers = make_user(), bearer(make_user(role=role))
    assert client.simulate_get(USERS, headers=headers).status_code == 403
    assert client.simulate_patch(f"{USERS}/{user.id}", json={"role": "admin"}, headers=headers).status_code == 403
    assert client.simulate_patch(f"{USERS}/{user.id}", json={"role": "admin"}).status_code == 401


def test_suspension_ends_sessions_and_cuts_what_is_published(client: Client, admin: dict[str, str]) -> None:
    user = make_user(role=Role.STREAMER, username="mira")
    headers, key = bearer(user), channels.stream_key(actor_of(user)).stream_key
    channel_id = Channel.get(Channel.user == user.id).id
    listener = bus.redis.pubsub()
    listener.subscribe(CONTROL, INGEST)
    body = {"suspended": True, "reason": "spam"}
    result = client.simulate_patch(f"{USERS}/{user.id}", json=body, headers=admin)
    assert result.json["data"]["suspensionReason"] == "spam" and result.json["data"]["suspendedAt"]
    heard = heard_on(listener)
    # The topics are heard by every process on this Redis: other tests may speak there too.
    [(session,)] = query("SELECT id::text FROM auth_sessions WHERE user_id = %s", (user.id,))
    assert {event["type"] for event in heard if session in event.values()} == {"session_revoked"}
    assert {event["type"] for event in heard if event.get("userId") == str(user.id)} == {"user_changed"}
    (cut,) = [event for event in heard if event.get("channelId") == str(channel_id)]
    assert (cut["type"], cut["reason"]) == ("cut", "suspended")
    assert client.simulate_get("/api/auth/me", headers=headers).status_code == 401
    with pytest.raises(Forbidden):
        broadcasts.authorize(key, server="test", remote_address="127.0.0.1")
    client.simulate_patch(f"{USERS}/{user.id}", json={"suspended": False}, headers=admin)
    assert client.simulate_get("/api/auth/me", headers=bearer(user)).status_code == 200
    assert OutboxRow.select().count() == 0


def heard_on(listener: Any) -> list[dict[str, object]]:
    """Everything said so far."""
    heard = [one.body for one in said(listener)]
    listener.close()
    return [msgspec.json.decode(body, type=dict[str, object]) for body in heard if body]


def test_a_new_role_is_felt_at_once(client: Client, admin: dict[str, str]) -> None:
    user = make_user()
    headers, path = bearer(user), f"{USERS}/{user.id}"
    assert client.simulate_get("/api/auth/stream-key", headers=headers).status_code == 403
    assert client.simulate_patch(path, json={"role": "streamer"}, headers=admin).json["data"]["role"] == "streamer"
    key = client.simulate_get("/api/auth/stream-key", headers=headers).json["data"]["streamKey"]
    assert client.simulate_patch(path, json={"role": "viewer"}, headers=admin).status_code == 200
    assert client.simulate_get("/api/auth/stream-key", headers=headers).status_code == 403
    with pytest.raises(Forbidden):
        broadcasts.authorize(key, server="test", remote_address="127.0.0.1")
    assert client.simulate_patch(path, json={"role": "admin"}, headers=admin).status_code == 200
    assert client.simulate_get(USERS, headers=headers).status_code == 200


def test_a_streamer_who_moderates_keeps_the_key_and_a_moderator_without_a_channel_may_be_a_viewer(
    client: Client, admin: dict[str, str]
) -> None:
    streamer, moderator = make_user(role=Role.STREAMER), make_user(role=Role.MODERATOR)
    key = channels.stream_key(actor_of(streamer)).stream_key
    for user, role in ((streamer, "moderator"), (moderator, "viewer")):
        result = client.simulate_patch(f"{USERS}/{user.id}", json={"role": role}, headers=admin)
        assert (result.status_code, result.json["data"]["role"]) == (200, role)
    assert channels.stream_key(actor_of(streamer)).stream_key == key


def test_every_change_of_a_person_is_in_the_log(client: Client, admin: dict[str, str]) -> None:
    user = make_user()
    changes: list[dict[str, object]] = [
        {"role": "moderator", "reason": "trusted"},
        {"suspended": True, "reason": "spam"},
        {"suspended": False},
        {},
    ]
    for change in changes:
        assert client.simulate_patch(f"{USERS}/{user.id}", json=change, headers=admin).status_code == 200
    rows = query(
        """SELECT action, reason, details FROM moderation_log
           WHERE target_user_id = %s ORDER BY created_at, id""",
        (user.id,),
    )
    assert rows == [
        ("CHANGE_ROLE", "trusted", {"role": "moderator"}),
        ("SUSPEND", "spam", {}),
        ("REINSTATE", "", {}),
    ]


def test_suspending_again_keeps_the_day_of_the_first(client: Client, admin: dict[str, str]) -> None:
    user = make_user()
    first, again = [
        client.simulate_patch(f"{USERS}/{user.id}", json={"suspended": True, "reason": reason}, headers=admin)
        for reason in ("spam", "more spam")
    ]
    assert again.json["data"]["suspendedAt"] == first.json["data"]["suspendedAt"]
    assert again.json["data"]["suspensionReason"] == "more spam"


def test_administrators_cannot_shut_themselves_out(client: Client) -> None:
    me = make_user(role=Role.ADMIN)
    for body in ({"role": "viewer"}, {"suspended": True}):
        result = client.simulate_patch(f"{USERS}/{me.id}", json=body, headers=bearer(me))
        assert (result.status_code, result.json["code"]) == (409, "not_oneself")


@pytest.mark.parametrize(
    ("body", "field"), [({"role": "king"}, "role"), ({"coins": 5}, "coins"), ({"suspended": "yes"}, "suspended")]
)
def test_a_wrong_change_is_refused_by_its_field(
    client: Client, admin: dict[str, str], body: dict[str, object], field: str
) -> None:
    result = client.simulate_patch(f"{USERS}/{make_user().id}", json=body, headers=admin)
    assert (result.status_code, result.json["details"][0]["field"]) == (400, field)


def test_an_unknown_person_is_not_found(client: Client, admin: dict[str, str]) -> None:
    for unknown in ("00000000-0000-7000-8000-000000000000", "nobody"):
        assert client.simulate_patch(f"{USERS}/{unknown}", json={}, headers=admin).status_code == 404


def test_a_search_among_many_is_answered_by_indexes(client: Client) -> None:
    query("SET LOCAL enable_seqscan = off")
    [(plan,)] = query(
        """EXPLAIN (FORMAT JSON) SELECT id FROM accounts u
           WHERE (lower(u.username) LIKE 'mir%%' OR lower(u.email) LIKE 'mir%%' OR lower(u.name) LIKE 'mir%%')"""
    )
    assert "Seq Scan" not in str(plan)
    assert str(plan).count("'Bitmap Index Scan'") == 3  # one for each column; which index of a column is the planner's
