"""Coins over HTTP: shapes, bounds and who may ask."""

from typing import Any

import pytest
from falcon import testing

from db.connection import query
from services.actors import Role
from services.ids import new_id
from tests.factories import bearer, make_user
from tests.payments import give_coins


def _gift() -> str:
    [(gift_id,)] = query("SELECT id FROM gifts WHERE name = 'Star'")
    return str(gift_id)


def test_packs_and_gifts_are_public(client: testing.TestClient) -> None:
    packs = client.simulate_get("/api/payment/coin-packs").json["data"]
    assert client.simulate_get("/api/payment/packages").json["data"] == packs
    assert set(packs[0]) == {"id", "name", "coins", "price", "currency"}
    gifts = client.simulate_get("/api/payment/gifts", params={"streamerId": str(new_id())}).json["data"]
    assert set(gifts[0]) == {"id", "name", "cost", "points", "streamerId", "icon"}


def test_a_wallet_starts_empty(client: testing.TestClient) -> None:
    answer = client.simulate_get("/api/payment/wallet", headers=bearer(make_user()))
    assert answer.json["data"] == {"balance": 0, "currency": "COIN", "isFrozen": False, "debt": 0}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/payment/wallet"),
        ("GET", "/api/payment/transactions"),
        ("GET", "/api/payment/purchases"),
        ("GET", "/api/payment/gifts-sent"),
        ("GET", "/api/payment/gifts-received"),
        ("POST", "/api/payment/gift"),
        ("POST", "/api/payment/purchase"),
        ("POST", "/api/payment/create-checkout-session"),
        ("GET", "/api/admin/webhook-events"),
    ],
)
def test_money_is_for_the_signed_in(client: testing.TestClient, method: str, path: str) -> None:
    assert client.simulate_request(method, path).status_code == 401


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"quantity": 0}, "quantity"),
        ({"quantity": 101}, "quantity"),
        ({"quantity": "3"}, "quantity"),
        ({"message": "x" * 201}, "message"),
        ({"giftId": "star"}, "giftId"),
        ({"coins": 5}, "coins"),
    ],
)
def test_a_gift_out_of_bounds_names_its_field(client: testing.TestClient, change: dict[str, Any], field: str) -> None:
    creator = make_user(role=Role.STREAMER)
    body = {"giftId": _gift(), "streamerId": str(creator.id)} | change
    answer = client.simulate_post("/api/payment/gift", json=body, headers=bearer(make_user()))
    assert answer.status_code == 400
    assert [detail["field"] for detail in answer.json["details"]] == [field]


def test_a_gift_over_http(client: testing.TestClient) -> None:
    sender, creator = make_user(), make_user(role=Role.STREAMER)
    give_coins(sender, 3)
    body = {"giftId": _gift(), "streamerId": str(creator.id), "quantity": 2}
    answer = client.simulate_post("/api/payment/gift", json=body, headers=bearer(sender))
    assert answer.status_code == 201
    assert answer.json["data"] | {"transactionId": ""} == {"transactionId": "", "balance": 1, "points": 2, "level": 0}
    poor = client.simulate_post("/api/payment/gift", json=body, headers=bearer(sender))
    assert (poor.status_code, poor.json["code"]) == (409, "insufficient_coins")
    received = client.simulate_get("/api/payment/gifts-received", headers=bearer(creator)).json
    assert received["data"][0]["user"]["username"] == sender.username
    assert received["meta"] == {"nextCursor": None}


def test_the_me_of_a_giver_shows_coins_points_and_level(client: testing.TestClient) -> None:
    sender, creator = make_user(), make_user(role=Role.STREAMER)
    give_coins(sender, 150)
    body = {"giftId": _gift(), "streamerId": str(creator.id), "quantity": 100}
    client.simulate_post("/api/payment/gift", json=body, headers=bearer(sender))
    me = client.simulate_get("/api/auth/me", headers=bearer(sender)).json["data"]
    assert (me["coins"], me["points"], me["level"]) == (50, 100, 2)


def test_a_return_url_elsewhere_names_its_field(client: testing.TestClient) -> None:
    [pack, *_] = client.simulate_get("/api/payment/packages").json["data"]
    body = {"packageId": pack["id"], "successUrl": "https://evil.example/"}
    answer = client.simulate_post("/api/payment/purchase", json=body, headers=bearer(make_user()))
    assert (answer.status_code, answer.json["details"][0]["field"]) == (400, "successUrl")


def test_only_an_admin_sees_and_replays_webhooks(client: testing.TestClient) -> None:
    assert client.simulate_get("/api/admin/webhook-events", headers=bearer(make_user())).status_code == 403
    admin = bearer(make_user(role=Role.ADMIN))
    assert client.simulate_get("/api/admin/webhook-events", headers=admin).json["data"] == []
    answer = client.simulate_post(f"/api/admin/webhook-events/{new_id()}/replay", headers=admin)
    assert answer.status_code == 404
