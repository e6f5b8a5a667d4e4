"""The panel over HTTP: shapes, bounds, and whose things one may change."""

from typing import Any

import pytest
from falcon import testing

from services import clock
from services.actors import Role
from services.ids import new_id
from tests.factories import bearer, make_channel, make_user
from tests.forms import MULTIPART, form
from tests.pictures import picture
from tests.viewership import at, given, stream_between

Client = testing.TestClient
MEASURES = {
    *("hoursStreamed", "coinsReceived", "giftsReceived", "averageViewers", "peakViewers"),
    *("uniqueChatters", "messages", "newFollowers", "newSubscribers"),
}


@pytest.fixture
def headers(_database: None) -> dict[str, str]:
    return bearer(make_user(role=Role.STREAMER))


def test_a_gift_is_created_edited_and_deleted(client: Client, headers: dict[str, str]) -> None:
    made = client.simulate_post("/api/panel/gifts", json={"name": "Cat", "cost": 5}, headers=headers)
    gift = made.json["data"]
    assert (made.status_code, made.headers["location"]) == (201, f"/api/panel/gifts/{gift['id']}")
    assert set(gift) == {"id", "name", "cost", "points", "streamerId", "icon"}
    path = f"/api/panel/gifts/{gift['id']}"
    edited = client.simulate_put(path, json={"name": "Cat", "cost": 6, "points": 9, "icon": "🐈"}, headers=headers)
    assert edited.json["data"] == {**gift, "cost": 6, "points": 9, "icon": "🐈"}
    assert client.simulate_get("/api/panel/gifts", headers=headers).json["data"] == [edited.json["data"]]
    offered = client.simulate_get("/api/payment/gifts", params={"streamerId": gift["streamerId"]}).json["data"]
    assert edited.json["data"] in offered
    stranger = bearer(make_user(role=Role.STREAMER))
    assert client.simulate_delete(path, headers=stranger).status_code == 403
    assert client.simulate_delete(path, headers=headers).json["data"] == {"deleted": True}
    assert client.simulate_delete(path, headers=headers).status_code == 404
    assert client.simulate_put("/api/panel/gifts/x", json={"name": "C", "cost": 1}, headers=headers).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"cost": 5}, "name"),
        ({"name": "Cat", "cost": 0}, "cost"),
        ({"name": "Cat", "cost": "5"}, "cost"),
        ({"name": "Cat", "cost": 5, "points": -1}, "points"),
        ({"name": "x" * 61, "cost": 5}, "name"),
        ({"name": "Cat", "cost": 5, "streamerId": str(new_id())}, "streamerId"),
    ],
)
def test_a_bad_gift_is_refused_by_field(
    client: Client, headers: dict[str, str], body: dict[str, Any], field: str
) -> None:
    answer = client.simulate_post("/api/panel/gifts", json=body, headers=headers)
    assert (answer.status_code, [detail["field"] for detail in answer.json["details"]]) == (400, [field])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/panel/gifts"),
        ("POST", "/api/panel/gifts"),
        ("GET", "/api/panel/loyalty-levels"),
        ("PUT", "/api/panel/loyalty-levels"),
        ("GET", "/api/panel/analytics"),
        ("POST", "/api/panel/emotes"),
    ],
)
def test_the_panel_is_for_streamers(client: Client, method: str, path: str) -> None:
    assert client.simulate_request(method, path).status_code == 401
    assert client.simulate_request(method, path, headers=bearer(make_user())).status_code == 403


def test_loyalty_levels_are_replaced_whole(client: Client, headers: dict[str, str]) -> None:
    path = "/api/panel/loyalty-levels"
    body = [{"name": "Friend", "requiredPoints": 10, "reward": "A badge"}, {"name": "Fan", "requiredPoints": 50}]
    levels = client.simulate_put(path, json=body, headers=headers).json["data"]
    assert [set(level) for level in levels] == [{"id", "name", "requiredPoints", "reward"}] * 2
    kept = {**levels[1], "name": "Fan!"}
    assert client.simulate_put(path, json=[kept], headers=headers).json["data"] == [kept]
    assert client.simulate_get(path, headers=headers).json["data"] == [kept]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([{"name": "A", "requiredPoints": 5}, {"name": "B", "requiredPoints": 5}], "[1].requiredPoints"),
        ([{"name": "A", "requiredPoints": 5}, {"name": "B", "requiredPoints": 4}], "[1].requiredPoints"),
        ([{"name": "A", "requiredPoints": 5, "id": str(new_id())}], "[0].id"),
        ([{"name": "A", "requiredPoints": 5}, {"name": "", "requiredPoints": 6}], "[1].name"),
        ([{"name": "A", "requiredPoints": -5}], "[0].requiredPoints"),
        ([{"name": "A"}], "[0].requiredPoints"),
        ([{"name": "A", "requiredPoints": 5, "colour": "red"}], "[0].colour"),
        ({"name": "A", "requiredPoints": 5}, "body"),
    ],
)
def test_a_bad_ladder_is_refused_naming_the_item(
    client: Client, headers: dict[str, str], body: Any, field: str
) -> None:
    answer = client.simulate_put("/api/panel/loyalty-levels", json=body, headers=headers)
    assert (answer.status_code, [detail["field"] for detail in answer.json["details"]]) == (400, [field])
    assert client.simulate_get("/api/panel/loyalty-levels", headers=headers).json["data"] == []


def test_analytics_show_totals_and_every_bucket(client: Client) -> None:
    streamer = make_user(role=Role.STREAMER)
    stream_between(make_channel(streamer), at(1.5), at(3))
    given(make_user(), streamer, at(2.5), quantity=4)
    headers = bearer(streamer)
    with clock.frozen(at(10)):
        day = _analytics(client, headers, **{"from": "2024-03-31", "to": "2024-03-31", "interval": "hour"})
    assert set(day) == {"from", "to", "interval", "totals", "series"}
    assert (day["from"], day["to"]) == ("2024-03-31T00:00:00Z", "2024-04-01T00:00:00Z")
    assert set(day["totals"]) == MEASURES
    assert [set(point) for point in day["series"]] == [MEASURES | {"at"}] * 24
    assert (day["totals"]["hoursStreamed"], day["totals"]["coinsReceived"]) == (1.5, 4)
    streamed = {point["at"]: point["hoursStreamed"] for point in day["series"] if point["hoursStreamed"]}
    assert streamed == {"2024-03-31T01:00:00Z": 0.5, "2024-03-31T02:00:00Z": 1.0}
    assert day["series"][2]["giftsReceived"] == 4


@pytest.mark.parametrize(
    "spelling",
    [
        {"from": "2024-03-31T01:00:00Z", "to": "2024-03-31T03:00:00Z"},
        {"from": "2024-03-31T03:00:00+02:00", "to": "2024-03-31T05:00:00+02:00"},
        {"from": "2024-03-31T03:00:00 02:00", "to": "2024-03-31T03:00:00.000Z"},
        {"from": "2024-03-31T01:20:00", "to": "2024-03-31T02:01:00"},
    ],
)
def test_times_are_understood_in_any_zone(client: Client, headers: dict[str, str], spelling: dict[str, str]) -> None:
    found = _analytics(client, headers, interval="hour", **spelling)
    assert [point["at"] for point in found["series"]] == ["2024-03-31T01:00:00Z", "2024-03-31T02:00:00Z"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "yesterday-ish"}, "from"),
        ({"to": "2024-13-01"}, "to"),
        ({"from": "2024-03-02", "to": "2024-03-01"}, "to"),
        ({"from": "2020-01-01", "to": "2024-03-01"}, "from"),
        ({"from": "1812-01-01"}, "from"),
        ({"interval": "week"}, "interval"),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(
    client: Client, headers: dict[str, str], query: dict[str, str], field: str
) -> None:
    answer = client.simulate_get("/api/panel/analytics", params=query, headers=headers)
    assert (answer.status_code, [detail["field"] for detail in answer.json["details"]]) == (400, [field])


def _analytics(client: Client, headers: dict[str, str], **params: str) -> dict[str, Any]:
    answer = client.simulate_get("/api/panel/analytics", params=params, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json["data"]
    return found


def test_an_emote_is_added_shown_and_removed(client: Client) -> None:
    streamer = make_user(role=Role.STREAMER)
    headers = bearer(streamer)
    body = form(("code", None, b"wave"), ("tier", None, b"basic"), ("image", "a.png", picture("PNG")))
    made = client.simulate_post("/api/panel/emotes", body=body, headers=headers | MULTIPART)
    assert made.status_code == 201, made.text
    emote = made.json["data"]
    assert set(emote) == {"id", "streamerId", "code", "tier", "image", "images", "createdAt"}
    assert client.simulate_get(f"/api/emotes/{streamer.id}").json["data"] == [emote]
    shown = client.simulate_get(emote["image"])
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/webp")
    again = client.simulate_post("/api/panel/emotes", body=body, headers=headers | MULTIPART)
    assert (again.status_code, again.json["code"]) == (409, "emote_code_taken")
    path = f"/api/panel/emotes/{emote['id']}"
    assert client.simulate_delete(path, headers=bearer(make_user())).status_code == 403
    assert client.simulate_delete(path, headers=headers).json["data"] == {"deleted": True}
    assert client.simulate_get(f"/api/emotes/{streamer.id}").json["data"] == []


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([("code", None, b"wave")], 400),
        ([("image", "a.png", picture("PNG"))], 400),
        ([("code", None, b"a wave!"), ("image", "a.png", picture("PNG"))], 400),
        ([("code", None, b"wave"), ("tier", None, b"gold"), ("image", "a.png", picture("PNG"))], 400),
        ([("code", None, b"wave"), ("image", "a.png", b"MZ not a picture")], 415),
        ([("code", None, b"wave"), ("image", "a.png", b"\0" * (10 * 2**20 + 1))], 413),
    ],
)
def test_a_bad_emote_is_refused(
    client: Client, headers: dict[str, str], parts: list[tuple[str, str | None, bytes]], status: int
) -> None:
    answer = client.simulate_post("/api/panel/emotes", body=form(*parts), headers=headers | MULTIPART)
    assert answer.status_code == status, answer.text


def test_emotes_of_nobody_are_not_found(client: Client) -> None:
    assert client.simulate_get(f"/api/emotes/{new_id()}").status_code == 404
    assert client.simulate_get("/api/emotes/nobody").status_code == 404
