"""The market and payouts over HTTP: shapes, codes, and who may do what."""

from typing import Any

import pytest
from falcon import testing

from db.models.users import User
from services.actors import Role
from services.ids import new_id
from tests.factories import bearer, make_user
from tests.payments import give_coins

Client = testing.TestClient
ITEMS = "/api/marketplace/items"
MUG = {"name": "Mug", "price": 40, "stock": 2, "description": "Holds tea"}


def _offer(client: Client, seller: User | None = None, **changes: Any) -> dict[str, Any]:
    headers = bearer(seller or make_user(role=Role.STREAMER))
    made = client.simulate_post(ITEMS, json=MUG | changes, headers=headers)
    assert made.status_code == 201, made.text
    item: dict[str, Any] = made.json["data"]
    assert made.headers["location"] == f"{ITEMS}/{item['id']}"
    return item


def _buyer(coins: int) -> dict[str, str]:
    user = make_user()
    give_coins(user, coins)
    return bearer(user)


def test_an_item_is_offered_edited_and_withdrawn(client: Client) -> None:
    seller = make_user(role=Role.STREAMER)
    item, headers = _offer(client, seller), bearer(seller)
    assert set(item) == {
        *("id", "name", "description", "image", "price", "stock", "sold", "seller", "createdAt", "updatedAt")
    }
    path = f"{ITEMS}/{item['id']}"
    assert client.simulate_get(path).json["data"] == item
    assert client.simulate_get(ITEMS, params={"sellerId": str(seller.id)}).json["data"] == [item]
    assert client.simulate_patch(path, json={"price": 1}, headers=bearer(make_user())).status_code == 403
    assert client.simulate_patch(path, json={"price": 1}, headers=headers).json["data"]["price"] == 1
    assert client.simulate_delete(path, headers=bearer(make_user())).status_code == 403
    assert client.simulate_delete(path, headers=headers).json["data"] == {"deleted": True}
    assert client.simulate_get(path).status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"price": 0}, "price"),
        ({"price": 1.5}, "price"),
        ({"stock": -1}, "stock"),
        ({"name": ""}, "name"),
        ({"image": "javascript:alert(1)"}, "image"),
        ({"sold": 5}, "sold"),
    ],
)
def test_a_bad_item_is_refused_by_field(client: Client, change: dict[str, Any], field: str) -> None:
    headers = bearer(make_user(role=Role.STREAMER))
    answer = client.simulate_post(ITEMS, json=MUG | change, headers=headers)
    assert (answer.status_code, [detail["field"] for detail in answer.json["details"]]) == (400, [field])


def test_only_streamers_offer(client: Client) -> None:
    assert client.simulate_post(ITEMS, json=MUG, headers=bearer(make_user())).status_code == 403
    assert client.simulate_post(ITEMS, json=MUG).status_code == 401


def test_buying_needs_no_body_and_answers_what_is_left(client: Client) -> None:
    item, headers = _offer(client), _buyer(100)
    bought = client.simulate_post(f"{ITEMS}/{item['id']}/purchase", headers=headers)
    receipt = bought.json["data"]
    assert bought.status_code == 201
    assert (receipt["coins"], receipt["balance"], receipt["stock"], receipt["quantity"]) == (40, 60, 1, 1)
    [listed] = client.simulate_get("/api/marketplace/purchases", headers=headers).json["data"]
    assert listed == {name: value for name, value in receipt.items() if name not in ("stock", "balance")}
    assert listed["item"] == {"id": item["id"], "name": "Mug", "image": None}


def test_the_same_key_buys_once(client: Client) -> None:
    item, headers = _offer(client), _buyer(100) | {"Idempotency-Key": "one"}
    path = f"{ITEMS}/{item['id']}/purchase"
    first, second = (client.simulate_post(path, json={"quantity": 1}, headers=headers) for _ in range(2))
    assert first.json == second.json
    assert client.simulate_get(f"{ITEMS}/{item['id']}").json["data"]["stock"] == 1
    assert client.simulate_post(path, json={"quantity": 2}, headers=headers).status_code == 409


def test_refusals_have_their_codes(client: Client) -> None:
    seller = make_user(role=Role.STREAMER)
    give_coins(seller, 500)
    path = f"{ITEMS}/{_offer(client, seller)['id']}/purchase"
    poor, rich = _buyer(39), _buyer(500)
    for headers, body, status, code in (
        (poor, {}, 409, "insufficient_coins"),
        (rich, {"quantity": 3}, 409, "sold_out"),
        (rich, {"quantity": 0}, 400, "invalid"),
        (rich, {"price": 1}, 400, "invalid"),
        (bearer(seller), {}, 400, "own_item"),
    ):
        answer = client.simulate_post(path, json=body, headers=headers)
        assert (answer.status_code, answer.json["code"]) == (status, code)
    assert client.simulate_post(f"{ITEMS}/{new_id()}/purchase", headers=rich).status_code == 404
    assert client.simulate_post(path).status_code == 401


def test_pages_of_items_go_on_where_the_last_one_ended(client: Client) -> None:
    seller = make_user(role=Role.STREAMER)
    made = [_offer(client, seller, name=f"Thing {number}")["id"] for number in range(3)]
    query = {"sellerId": str(seller.id), "limit": "2"}
    first = client.simulate_get(ITEMS, params=query).json
    rest = client.simulate_get(ITEMS, params=query | {"cursor": first["meta"]["nextCursor"]}).json
    assert [item["id"] for item in first["data"] + rest["data"]] == made[::-1]
    assert rest["meta"]["nextCursor"] is None
    assert client.simulate_get(ITEMS, params={"cursor": "?"}).status_code == 400


def test_a_payout_is_asked_for_and_decided(client: Client) -> None:
    seller, admin = make_user(role=Role.STREAMER), bearer(make_user(role=Role.ADMIN))
    item, headers = _offer(client, seller), bearer(seller)
    assert client.simulate_post(f"{ITEMS}/{item['id']}/purchase", headers=_buyer(40)).status_code == 201
    path = "/api/payment/payouts"
    early = client.simulate_post(path, json={"amount": 10}, headers=headers)
    assert (early.status_code, early.json["code"]) == (409, "financial_details_required")
    details = {"accountHolder": "Ana", "accountNumber": "1234567890"}
    assert client.simulate_put("/api/creator/financial", json=details, headers=headers).status_code == 200
    asked = client.simulate_post(path, json={"amount": 10}, headers=headers)
    payout = asked.json["data"]
    assert (asked.status_code, payout["status"], payout["amount"], payout["currency"]) == (201, "pending", 10, "COIN")
    too_much = client.simulate_post(path, json={"amount": 10_000}, headers=headers)
    assert (too_much.status_code, too_much.json["code"]) == (409, "insufficient_earnings")
    assert client.simulate_get("/api/admin/payouts", headers=admin).json["data"] == [payout]
    one = f"/api/admin/payouts/{payout['id']}"
    to_pay = client.simulate_get(one, headers=admin).json["data"]
    assert (to_pay["bankDetails"]["accountNumber"], to_pay["accountLast4"]) == ("1234567890", "7890")
    assert client.simulate_get(one, headers=headers).status_code == 403
    assert client.simulate_patch(one, json={"status": "settled"}, headers=headers).status_code == 403
    settled = client.simulate_patch(one, json={"status": "settled", "reference": "T1"}, headers=admin).json["data"]
    assert (settled["status"], settled["reference"]) == ("settled", "T1")
    again = client.simulate_patch(one, json={"status": "refused"}, headers=admin)
    assert (again.status_code, again.json["code"]) == (409, "already_decided")
    assert client.simulate_get(path, headers=headers).json["data"] == [settled]
    kinds = [entry["kind"] for entry in client.simulate_get("/api/payment/transactions", headers=headers).json["data"]]
    assert set(kinds) == {"MARKETPLACE", "PAYOUT", "PAYOUT_SETTLED"}


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "amount"), ({"amount": 0}, "amount"), ({"amount": 5, "currency": "coins"}, "currency")],
)
def test_a_bad_payout_is_refused_by_field(client: Client, body: dict[str, Any], field: str) -> None:
    answer = client.simulate_post("/api/payment/payouts", json=body, headers=bearer(make_user(role=Role.STREAMER)))
    assert (answer.status_code, [detail["field"] for detail in answer.json["details"]]) == (400, [field])


def test_an_administrator_sets_up_coin_packs_and_sees_the_figures(client: Client) -> None:
    admin, other = bearer(make_user(role=Role.ADMIN)), bearer(make_user(role=Role.MODERATOR))
    body = {"name": "Mega", "coins": 9000, "price": 30000, "currency": "PEN"}
    made = client.simulate_post("/api/admin/coin-packs", json=body, headers=admin)
    assert made.status_code == 201
    assert made.json["data"] == body | {"id": made.json["data"]["id"], "isActive": True}
    path = f"/api/admin/coin-packs/{made.json['data']['id']}"
    assert client.simulate_patch(path, json={"isActive": False}, headers=admin).json["data"]["isActive"] is False
    assert client.simulate_patch(path, json={"price": 0}, headers=admin).status_code == 400
    assert client.simulate_patch(path, json={"price": 1}, headers=other).status_code == 403
    assert client.simulate_get("/api/admin/metrics", headers=other).status_code == 403
    figures = client.simulate_get("/api/admin/metrics", headers=admin).json["data"]
    assert set(figures) == {
        *("concurrentViewers", "liveStreams", "peakConcurrentViewers", "activeSubscriptions"),
        *("chatLatency", "ingestUptime", "subscriptionConversion"),
    }
