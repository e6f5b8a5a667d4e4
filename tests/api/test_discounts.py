"""Discount codes over HTTP: shapes, and who may ask."""

import pytest
from falcon import testing

from services.actors import Role
from tests.factories import bearer, make_user


def test_an_admin_makes_a_code_that_a_viewer_checks(client: testing.TestClient) -> None:
    admin, viewer = bearer(make_user(role=Role.ADMIN)), bearer(make_user())
    made = client.simulate_post(
        "/api/admin/discount-codes", json={"code": "launch", "percentOff": 25, "maxUses": 5}, headers=admin
    )
    assert made.status_code == 201, made.json
    assert made.headers["location"] == "/api/admin/discount-codes"
    assert (made.json["data"]["code"], made.json["data"]["uses"], made.json["data"]["kind"]) == ("LAUNCH", 0, "percent")
    [pack, *_] = client.simulate_get("/api/payment/packages").json["data"]
    body = {"code": "launch", "packageId": pack["id"]}
    checked = client.simulate_post("/api/discount/validate", json=body, headers=viewer).json["data"]
    assert (checked["valid"], checked["percentOff"], checked["reason"]) == (True, 25, None)
    assert (checked["price"], checked["coins"]) == (pack["price"] * 75 // 100, pack["coins"])
    unknown = client.simulate_post("/api/discount/validate", json=body | {"code": "NOPE"}, headers=viewer)
    assert (unknown.status_code, unknown.json["data"]["valid"]) == (200, False)
    assert unknown.json["data"]["reason"] == "unknown"
    [listed] = client.simulate_get("/api/admin/discount-codes", headers=admin).json["data"]
    assert listed == made.json["data"]
    again = client.simulate_post("/api/admin/discount-codes", json={"code": "LAUNCH", "bonusCoins": 1}, headers=admin)
    assert (again.status_code, again.json["code"]) == (409, "code_taken")


def test_rewards_of_somebody_without_any(client: testing.TestClient) -> None:
    viewer = bearer(make_user())
    assert client.simulate_get("/api/discount/my-codes", headers=viewer).json["data"] == []
    latest = client.simulate_get("/api/discount/latest-reward", headers=viewer)
    assert (latest.status_code, latest.json["data"]) == (200, None)


def test_codes_are_the_admins(client: testing.TestClient) -> None:
    viewer = bearer(make_user(role=Role.MODERATOR))
    assert client.simulate_get("/api/admin/discount-codes", headers=viewer).status_code == 403
    body = {"percentOff": 90}
    assert client.simulate_post("/api/admin/discount-codes", json=body, headers=viewer).status_code == 403


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"percentOff": 100}, "percentOff"),
        ({"percentOff": 0}, "percentOff"),
        ({"bonusCoins": -1}, "bonusCoins"),
        ({"percentOff": 5, "code": "a b c"}, "code"),
        ({"percentOff": 5, "startsAt": "2030-01-01T00:00:00"}, "startsAt"),
        ({"percentOff": 5, "price": 1}, "price"),
    ],
)
def test_a_code_out_of_bounds_names_its_field(client: testing.TestClient, body: dict[str, object], field: str) -> None:
    admin = bearer(make_user(role=Role.ADMIN))
    answer = client.simulate_post("/api/admin/discount-codes", json=body, headers=admin)
    assert (answer.status_code, [detail["field"] for detail in answer.json["details"]]) == (400, [field])


def test_an_unknown_code_at_the_checkout_names_its_field(client: testing.TestClient) -> None:
    [pack, *_] = client.simulate_get("/api/payment/packages").json["data"]
    body = {"packageId": pack["id"], "discountCode": "NOPE"}
    answer = client.simulate_post("/api/payment/purchase", json=body, headers=bearer(make_user()))
    assert (answer.status_code, answer.json["details"][0]["field"]) == (400, "discountCode")
