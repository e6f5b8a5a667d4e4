"""The payment sandbox as a provider: keys, idempotency, and that it is gone beside a live key."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from falcon import testing

from api.app import create_app
from db.models.payment_sandbox import SandboxSession
from services import (
    clock,
    sandbox_api,
    sandbox_deliveries,
    sandbox_dodo_api,
    sandbox_sessions,
    sandbox_subscriptions,
    webhooks,
)
from services.billing_months import months_after
from services.bus import bus
from services.errors import Conflict, Invalid, NotFound, Unavailable
from services.gateways.payments.loopback import Call
from services.sandbox_books import Json
from services.sandbox_deliveries import Unkindness
from tests.fakes import FakeJobs

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


@pytest.mark.parametrize(("age", "status"), [(timedelta(days=1), "open"), (timedelta(days=1, seconds=1), "expired")])
def test_a_checkout_that_nobody_pays_is_closed_after_a_day(age: timedelta, status: str) -> None:
    at = clock.now()
    with clock.frozen(at):
        opened = _call("POST", "/v1/checkout/sessions", body=FORM, idempotency_key="k")[1]
    SandboxSession.update(created_at=at).where(SandboxSession.id == opened["id"]).execute()
    with clock.frozen(at + age):
        webhooks.sweep_sandbox()
    assert _call("GET", f"/v1/checkout/sessions/{opened['id']}")[1]["status"] == status


def test_the_sandbox_is_gone_beside_a_live_key(monkeypatch: pytest.MonkeyPatch) -> None:
    book = sandbox_sessions.open_session(sandbox_api.opening(REQUEST, None))
    live = msgspec.structs.replace(bus.settings, stripe_secret_key="sk_live_x")
    monkeypatch.setattr(bus, "settings", live)
    with pytest.raises(NotFound):
        sandbox_sessions.pay(book.id, KIND)
    client = testing.TestClient(create_app(live))
    assert client.simulate_get(f"/sandbox/checkout/{book.id}").status_code == 404
    assert client.simulate_post(f"/sandbox/checkout/{book.id}/pay").status_code == 404


def test_a_webhook_planned_before_the_clock_went_back_is_sent_at_once(
    monkeypatch: pytest.MonkeyPatch, jobs: FakeJobs
) -> None:
    monkeypatch.setattr(bus, "settings", msgspec.structs.replace(bus.settings, public_url="http://127.0.0.1:9"))
    book = sandbox_sessions.open_session(sandbox_api.opening(REQUEST, None))
    with clock.frozen(clock.now() + timedelta(hours=1)):
        sandbox_sessions.pay(book.id, KIND)
    [planned] = jobs.named("payments.send_sandbox_webhooks")
    batch_id = UUID(str(planned.arguments["batch_id"]))
    with pytest.raises(Unavailable, match="does not answer"):
        sandbox_deliveries.send(batch_id)
    sandbox_deliveries.sweep()
    assert len(jobs.named("payments.send_sandbox_webhooks")) == 2


def test_a_webhook_that_is_to_be_late_waits_for_its_time(jobs: FakeJobs) -> None:
    book = sandbox_sessions.open_session(sandbox_api.opening(REQUEST, None))
    sandbox_sessions.pay(book.id, Unkindness(delay_ms=60_000))
    [planned] = jobs.named("payments.send_sandbox_webhooks")
    with pytest.raises(Unavailable, match="not due yet"):
        sandbox_deliveries.send(UUID(str(planned.arguments["batch_id"])))
    sandbox_deliveries.sweep()
    assert len(jobs.named("payments.send_sandbox_webhooks")) == 1


SUBSCRIPTION: Json = {
    "mode": "subscription",
    "line_items": [
        {"quantity": "1", "price_data": {"currency": "pen", "unit_amount": "490", "recurring": {"interval": "month"}}}
    ],
    "success_url": "http://localhost:3000/a",
}


def test_a_subscription_is_charged_month_after_month_until_it_ends() -> None:
    at = clock.now().replace(microsecond=0)
    with clock.frozen(at):
        book = sandbox_sessions.open_session(sandbox_api.opening(SUBSCRIPTION, None))
        sandbox_sessions.pay(book.id, KIND)
    for month in (1, 2):
        with clock.frozen(months_after(at, month) - timedelta(seconds=1)):
            sandbox_subscriptions.charge_due()
        assert sandbox_sessions.session(book.id).periods == month
        with clock.frozen(months_after(at, month)):
            webhooks.sweep_sandbox()
        assert sandbox_sessions.session(book.id).periods == month + 1
    sandbox_subscriptions.set_ending(book.id, ends=True)
    with clock.frozen(months_after(at, 3)):
        sandbox_subscriptions.charge_due()
    ended = sandbox_sessions.session(book.id)
    assert (ended.subscription_status, ended.periods) == ("canceled", 3)
    for act in (sandbox_subscriptions.renew, sandbox_subscriptions.end):
        with pytest.raises(Conflict):
            act(book.id, KIND)
    with pytest.raises(Conflict):
        sandbox_subscriptions.set_ending(book.id, ends=False)


def test_a_month_that_could_not_be_charged_is_tried_again() -> None:
    book = sandbox_sessions.open_session(sandbox_api.opening(SUBSCRIPTION, None))
    sandbox_sessions.pay(book.id, KIND)
    assert sandbox_subscriptions.renew(book.id, KIND, "failed").subscription_status == "past_due"
    again = sandbox_subscriptions.renew(book.id, KIND)
    assert (again.subscription_status, again.periods) == ("active", 2)


def test_a_subscription_is_known_by_its_own_name_alone() -> None:
    book = sandbox_sessions.open_session(sandbox_api.opening(SUBSCRIPTION, None))
    plan = "sub_" + book.id.removeprefix("cs_test_")
    with pytest.raises(NotFound):
        sandbox_subscriptions.session_of_plan(plan)
    sandbox_sessions.pay(book.id, KIND)
    assert sandbox_subscriptions.session_of_plan(plan) == book.id


def test_what_is_ordered_twice_or_by_halves_is_refused() -> None:
    for wrong in (
        REQUEST | {"line_items": []},
        REQUEST | {"mode": "subscription"},
        SUBSCRIPTION | {"mode": "payment"},
    ):
        with pytest.raises(Invalid):
            sandbox_api.opening(wrong, None)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/payments/none", b"", 404),
        ("POST", "/checkouts", b"{", 422),
        (
            "POST",
            "/checkouts",
            b'{"product_cart":[{"product_id":"prod_none","quantity":1}],"return_url":"http://a"}',
            404,
        ),
        ("PATCH", "/subscriptions/sub_none", b'{"status":"cancelled"}', 404),
        ("DELETE", "/products", b"", 404),
    ],
)
def test_what_the_sandboxs_dodo_does_not_know_is_refused(method: str, path: str, body: bytes, status: int) -> None:
    key = {"authorization": f"Bearer {sandbox_api.secret_key(bus.settings)}", "content-type": "application/json"}
    answer = sandbox_api.handle(Call(method, f"{sandbox_dodo_api.PREFIX}{path}", key, body))
    assert answer.status == status
    stranger = Call(method, f"{sandbox_dodo_api.PREFIX}{path}", {"authorization": "Bearer no"}, body)
    assert sandbox_api.handle(stranger).status == 401
