"""The payment sandbox as a provider: keys, idempotency, and that it is gone beside a live key."""

from typing import Any

import msgspec
import pytest
from falcon import testing

from api.app import create_app
from services import sandbox_api, sandbox_sessions
from services.bus import bus
from services.errors import Conflict, Invalid, NotFound
from services.gateways.payments.loopback import Call
from services.sandbox_books import Json
from services.sandbox_deliveries import Unkindness

KIND = Unkindness()
REQUEST: Json = {
    "line_items": [{"quantity": "1", "price_data": {"currency": "pen", "unit_amount": "490"}}],
    "success_url": "http://localhost:3000/a",
}
FORM = b"line_items[0][quantity]=1&line_items[0][price_data][currency]=pen&line_items[0][price_data][unit_amount]=490"


def _call(method: str, path: str, *, body: bytes = b"", **headers: str) -> tuple[int, Any]:
    key = {"authorization": f"Bearer {sandbox_api.secret_key(bus.settings)}"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = sandbox_api.handle(Call(method, path, key | named, body))
    return answer.status, msgspec.json.decode(answer.body)


def test_forms_become_objects_and_lists() -> None:
    assert sandbox_api.nested("a=1&b[c]=2&b[d][0][e]=3&b[d][1][e]=4&f[0]=5") == {
        "a": "1",
        "b": {"c": "2", "d": [{"e": "3"}, {"e": "4"}]},
        "f": ["5"],
    }


def test_a_session_is_opened_once_for_each_idempotency_key() -> None:
    status, first = _call("POST", "/v1/checkout/sessions", body=FORM, idempotency_key="k")
    assert (status, first["amount_total"], first["status"]) == (200, 490, "open")
    assert _call("POST", "/v1/checkout/sessions", body=FORM, idempotency_key="k")[1]["id"] == first["id"]
    status, refusal = _call("POST", "/v1/checkout/sessions", body=FORM + b"&mode=payment", idempotency_key="k")
    assert (status, refusal["error"]["type"]) == (400, "idempotency_error")
    assert _call("GET", f"/v1/checkout/sessions/{first['id']}") == (200, first)


def test_another_key_is_refused() -> None:
    assert _call("POST", "/v1/checkout/sessions", body=FORM, authorization="Bearer sk_test_no")[0] == 401


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/checkout/sessions/none", 404), ("POST", "/v1/refunds", 404), ("POST", "/v1/checkout/sessions", 400)],
)
def test_what_the_sandbox_does_not_know_is_refused(method: str, path: str, status: int) -> None:
    assert _call(method, path)[0] == status


def test_a_checkout_that_is_over_takes_no_other_end() -> None:
    book = sandbox_sessions.open_session(sandbox_api.opening(REQUEST, None))
    with pytest.raises(Conflict):
        sandbox_sessions.refund(book.id, KIND)
    sandbox_sessions.pay(book.id, KIND)
    for act in (sandbox_sessions.pay, sandbox_sessions.decline, sandbox_sessions.close):
        with pytest.raises(Conflict):
            act(book.id, KIND)
    with pytest.raises(Invalid):
        sandbox_sessions.refund(book.id, KIND, 491)
    assert sandbox_sessions.refund(book.id, KIND, 90).refunded_amount == 90
    assert sandbox_sessions.refund(book.id, KIND).refunded_amount == 490
    with pytest.raises(Conflict):
        sandbox_sessions.dispute(book.id, KIND)


def test_the_sandbox_is_gone_beside_a_live_key(monkeypatch: pytest.MonkeyPatch) -> None:
    book = sandbox_sessions.open_session(sandbox_api.opening(REQUEST, None))
    live = msgspec.structs.replace(bus.settings, stripe_secret_key="sk_live_x")
    monkeypatch.setattr(bus, "settings", live)
    with pytest.raises(NotFound):
        sandbox_sessions.pay(book.id, KIND)
    client = testing.TestClient(create_app(live))
    assert client.simulate_get(f"/sandbox/checkout/{book.id}").status_code == 404
    assert client.simulate_post(f"/sandbox/checkout/{book.id}/pay").status_code == 404
