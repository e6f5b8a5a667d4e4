"""Notifications over HTTP: the list, reading, and what one wants to be told of."""

from typing import Any

import pytest
from falcon import testing

from db.models.users import User
from services import notifications
from services.notification_kinds import Kind
from tests.api.test_social import pages
from tests.factories import bearer, make_user

Client = testing.TestClient
PREFERENCES = "/api/notifications/preferences"


def tell(user: User, title: str, kind: Kind = Kind.COMMENT) -> None:
    notifications.notify(user.id, kind, title)


def test_the_unread_come_first_and_reading_is_counted(client: Client) -> None:
    user, other = make_user(), make_user()
    headers = bearer(user)
    for title in ("a", "b", "c", "d", "e"):
        tell(user, title)
    tell(other, "not mine")
    listed = pages(client, "/api/notifications", headers=headers)
    assert [one["title"] for one in listed] == ["e", "d", "c", "b", "a"]
    ids = [one["id"] for one in listed if one["title"] in ("e", "c")]
    read = "/api/notifications/read"
    assert client.simulate_post(read, json={"ids": ids}, headers=bearer(other)).json["data"] == {"marked": 0}
    assert client.simulate_post(read, json={"ids": ids}, headers=headers).json["data"] == {"marked": 2}
    assert client.simulate_post(read, json={"ids": ids}, headers=headers).json["data"] == {"marked": 0}
    assert [one["title"] for one in pages(client, "/api/notifications", headers=headers)] == ["d", "b", "a", "e", "c"]
    assert client.simulate_post(read, json={"all": True}, headers=headers).json["data"] == {"marked": 3}
    assert all(one["readAt"] for one in pages(client, "/api/notifications", headers=headers))


@pytest.mark.parametrize("body", [{"ids": []}, {"ids": ["x"]}, {"ids": "x"}, {"all": 1}, {"id": "x"}, {"all": False}])
def test_wrong_wishes_to_read_are_refused(client: Client, body: dict[str, object]) -> None:
    result = client.simulate_post("/api/notifications/read", json=body, headers=bearer(make_user()))
    assert result.status_code == 400


@pytest.mark.parametrize(
    ("body", "marked"), [({}, 2), ({"all": True}, 2), ({"ids": None}, 2), ({"all": False, "ids": [1]}, 1)]
)
def test_which_were_read_is_said_by_all_or_by_ids(client: Client, body: dict[str, Any], marked: int) -> None:
    user = make_user()
    for title in ("a", "b"):
        tell(user, title)
    headers = bearer(user)
    first = pages(client, "/api/notifications", headers=headers)[0]["id"]
    wish = body | ({"ids": [first]} if body.get("ids") else {})
    assert client.simulate_post("/api/notifications/read", json=wish, headers=headers).json["data"]["marked"] == marked


def test_preferences_show_every_kind_and_change_one_by_one(client: Client) -> None:
    headers = bearer(make_user())
    shown = client.simulate_get(PREFERENCES, headers=headers).json["data"]["preferences"]
    assert set(shown) == {kind.value for kind in Kind}
    assert shown["comment"] == {"inApp": True, "push": True, "mail": False}
    assert shown["payment"]["mail"] is True
    change = {"preferences": {"comment": {"mail": True}, "likes": {"inApp": False, "push": False}}}
    changed = client.simulate_put(PREFERENCES, json=change, headers=headers).json["data"]["preferences"]
    assert changed["comment"] == {"inApp": True, "push": True, "mail": True}
    assert changed["likes"] == {"inApp": False, "push": False, "mail": False}
    assert changed["payment"] == shown["payment"]
    again = client.simulate_put(PREFERENCES, json={"preferences": {"comment": {"push": False}}}, headers=headers)
    assert again.json["data"]["preferences"]["comment"] == {"inApp": True, "push": False, "mail": True}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"preferences": {"weather": {}}},
        {"preferences": {"comment": {"mail": "yes"}}},
        {"preferences": {"comment": {"fax": True}}},
    ],
)
def test_wrong_preferences_are_refused(client: Client, body: dict[str, object]) -> None:
    assert client.simulate_put(PREFERENCES, json=body, headers=bearer(make_user())).status_code == 400


def test_what_somebody_does_not_want_in_the_app_is_not_listed(client: Client) -> None:
    user = make_user()
    headers = bearer(user)
    change = {"preferences": {"comment": {"inApp": False}}}
    client.simulate_put(PREFERENCES, json=change, headers=headers)
    tell(user, "unwanted")
    tell(user, "wanted", Kind.REPLY)
    assert [one["title"] for one in pages(client, "/api/notifications", headers=headers)] == ["wanted"]
