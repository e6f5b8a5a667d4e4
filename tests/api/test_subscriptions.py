"""Subscriptions over HTTP: shapes, bounds and who may ask."""

from typing import Any

import pytest
from falcon import testing

from services.actors import Role
from services.ids import new_id
from tests.factories import bearer, make_user
from tests.payments import give_coins

CAPABILITIES = {"adFree", "noSlowMode", "exclusiveEmotes", "subscriberContent", "priority"}


def test_tiers_are_public(client: testing.TestClient) -> None:
    tiers = client.simulate_get("/api/subscriptions/tiers").json["data"]
    assert [tier["tier"] for tier in tiers] == ["basic", "pro", "premium"]
    assert set(tiers[0]) == {"tier", "price", "currency", "coins"}


def test_a_subscription_by_coins_over_http(client: testing.TestClient) -> None:
    viewer, streamer = make_user(), make_user(role=Role.STREAMER)
    give_coins(viewer, 400)
    body = {"streamerId": str(streamer.id), "tier": "basic", "paymentMethod": "coins"}
    answer = client.simulate_post("/api/subscriptions", json=body, headers=bearer(viewer))
    assert answer.status_code == 201, answer.json
    shown = answer.json["data"]["subscription"]
    assert answer.json["data"]["checkoutUrl"] is None
    assert (shown["status"], shown["tier"], shown["streamer"]["id"]) == ("active", "basic", str(streamer.id))
    assert set(shown["capabilities"]) == CAPABILITIES
    again = client.simulate_post("/api/subscriptions", json=body, headers=bearer(viewer))
    assert (again.status_code, again.json["code"]) == (409, "already_subscribed")
    poor = client.simulate_post("/api/subscriptions", json=body | {"tier": "premium"}, headers=bearer(viewer))
    assert (poor.status_code, poor.json["code"]) == (409, "insufficient_coins")

    mine = client.simulate_get(f"/api/subscriptions/{viewer.id}", headers=bearer(viewer)).json
    assert (mine["data"], mine["meta"]) == ([shown], {"nextCursor": None})
    theirs = client.simulate_get(f"/api/subscriptions/streamer/{streamer.id}", headers=bearer(streamer)).json
    assert theirs["data"] == [shown]
    stranger = bearer(make_user())
    for path in (f"/api/subscriptions/{viewer.id}", f"/api/subscriptions/streamer/{streamer.id}"):
        assert client.simulate_get(path, headers=stranger).status_code == 403
    assert client.simulate_delete(f"/api/subscriptions/{shown['id']}", headers=stranger).status_code == 404
    ended = client.simulate_delete(f"/api/subscriptions/{shown['id']}", headers=bearer(viewer)).json["data"]
    assert (ended["status"], ended["expiresAt"]) == ("cancelled", shown["expiresAt"])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"tier": "gold"}, "tier"),
        ({"paymentMethod": "cash"}, "paymentMethod"),
        ({"streamerId": "me"}, "streamerId"),
        ({"successUrl": "https://evil.example/", "paymentMethod": "card"}, "successUrl"),
        ({"provider": "barter", "paymentMethod": "card"}, "provider"),
        ({"price": 1}, "price"),
    ],
)
def test_an_order_out_of_bounds_names_its_field(client: testing.TestClient, change: dict[str, Any], field: str) -> None:
    body = {"streamerId": str(make_user(role=Role.STREAMER).id), "tier": "basic", "paymentMethod": "coins"} | change
    answer = client.simulate_post("/api/subscriptions", json=body, headers=bearer(make_user()))
    assert (answer.status_code, [detail["field"] for detail in answer.json["details"]]) == (400, [field])


def test_a_streamer_lowers_the_tier_of_their_content(client: testing.TestClient) -> None:
    streamer, path = bearer(make_user(role=Role.STREAMER)), "/api/subscriptions/content-tier"
    assert client.simulate_get(path, headers=streamer).json["data"] == {"tier": "premium"}
    assert client.simulate_put(path, json={"tier": "basic"}, headers=streamer).json["data"] == {"tier": "basic"}
    assert client.simulate_put(path, json={"tier": "free"}, headers=streamer).status_code == 400
    assert client.simulate_put(path, json={"tier": "pro"}, headers=bearer(make_user())).status_code == 403


def test_unknown_things_are_not_found(client: testing.TestClient) -> None:
    viewer = bearer(make_user())
    assert client.simulate_delete(f"/api/subscriptions/{new_id()}", headers=viewer).status_code == 404
    assert client.simulate_delete("/api/subscriptions/nonsense", headers=viewer).status_code == 404
    body = {"streamerId": str(new_id()), "tier": "basic", "paymentMethod": "coins"}
    assert client.simulate_post("/api/subscriptions", json=body, headers=viewer).status_code == 404
