"""The part of Stripe's API that AstroTV calls, answered from the payment sandbox's books."""

import hashlib
import hmac
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from db.connection import acting_as_system
from services import sandbox_dodo_api, sandbox_objects, sandbox_sessions, sandbox_subscriptions
from services.billing_months import months_after
from services.bus import bus
from services.errors import Conflict, Invalid, NotFound, ServiceError
from services.gateways.payments.loopback import Answer, Call
from services.sandbox_books import Json
from services.sandbox_sessions import Opening
from settings import Settings

SESSIONS, SUBSCRIPTIONS, INVOICES = "/v1/checkout/sessions", "/v1/subscriptions", "/v1/invoices"
_STATUS: dict[type[ServiceError], int] = {NotFound: 404, Invalid: 400, Conflict: 409}


def secret_key(settings: Settings) -> str:
    """The key by which the sandbox knows its only customer; differs with each installation."""
    digest = hmac.new(settings.jwt_secret.encode(), b"payment sandbox", hashlib.sha256).hexdigest()
    return f"sk_test_{digest[:40]}"


@acting_as_system("the sandbox plays a provider")
def handle(call: Call) -> Answer:
    """Answer one call as the provider would whose address it came to (https://docs.stripe.com/api)."""
    expected = f"Bearer {secret_key(bus.settings)}"
    is_known = hmac.compare_digest(call.headers.get("authorization", "").encode(), expected.encode())
    if call.path.startswith(sandbox_dodo_api.PREFIX):
        return sandbox_dodo_api.handle(call, is_known=is_known)
    if not is_known:
        return _answer(401, sandbox_objects.error("invalid_request_error", "Invalid API Key provided."))
    try:
        return _answer(200, _dispatch(call))
    except sandbox_sessions.KeyReused as refusal:
        return _answer(400, sandbox_objects.error("idempotency_error", refusal.message))
    except ServiceError as refusal:
        status = _STATUS.get(type(refusal), 500)
        return _answer(status, sandbox_objects.error("invalid_request_error", refusal.message))


def nested(body: str) -> Json:
    """Stripe's form encoding as objects and lists: `a[b][0][c]=1` is `{"a": {"b": [{"c": "1"}]}}`."""
    root: Json = {}
    for name, value in parse_qsl(body, keep_blank_values=True):
        at = root
        *path, last = re.findall(r"[^\[\]]+", name)
        for step in path:
            at = at.setdefault(step, {})
        at[last] = value
    return {name: _listed(value) for name, value in root.items()}


def opening(request: Json, idempotency_key: str | None) -> Opening:
    """The checkout that a request of Stripe's library asks for; raises Invalid."""
    try:
        items = msgspec.convert(request["line_items"], list[_Item], strict=False)
    except (KeyError, msgspec.ValidationError) as error:
        raise Invalid.field("line_items", "must hold price_data with currency and unit_amount") from error
    if not items:
        raise Invalid.field("line_items", "must not be empty")
    mode = str(request.get("mode", "payment"))
    if mode not in ("payment", "subscription") or any((mode == "subscription") != item.recurs for item in items):
        raise Invalid.field("mode", "must be subscription where prices recur, and payment where they do not")
    return Opening(
        provider="stripe",
        prefix="cs_test",
        request=request,
        amount=sum(item.price_data.unit_amount * item.quantity for item in items),
        currency=items[0].price_data.currency,
        mode=mode,
        idempotency_key=idempotency_key,
    )


class _PriceData(msgspec.Struct):
    currency: str
    unit_amount: int
    recurring: dict[str, str] | None = None


class _Item(msgspec.Struct):
    price_data: _PriceData
    quantity: int = 1

    @property
    def recurs(self) -> bool:
        return self.price_data.recurring is not None


def _dispatch(call: Call) -> Json:
    path, _, query = call.path.partition("?")
    path, wanted = path.rstrip("/"), nested(query)
    if call.method == "POST" and path == SESSIONS:
        request = nested(call.body.decode())
        book = sandbox_sessions.open_session(opening(request, call.headers.get("idempotency-key")))
        return sandbox_objects.checkout_session(book)
    if call.method == "GET" and path == SESSIONS:
        books = sandbox_subscriptions.paid_sessions("stripe", "payment", _since(wanted))
        return sandbox_objects.listed([sandbox_objects.checkout_session(book) for book in books], path)
    if call.method == "GET" and path == INVOICES:
        return sandbox_objects.listed(_invoices(_since(wanted)), path)
    if call.method == "GET" and path.startswith(f"{SESSIONS}/"):
        return sandbox_objects.checkout_session(sandbox_sessions.session(path.removeprefix(f"{SESSIONS}/")))
    if path.startswith(f"{SUBSCRIPTIONS}/"):
        return _subscription(call, path.removeprefix(f"{SUBSCRIPTIONS}/"))
    raise NotFound(f"The payment sandbox does not know {call.method} {path}.")


def _subscription(call: Call, plan: str) -> Json:
    session_id = sandbox_subscriptions.session_of_plan(plan)
    if call.method == "DELETE":
        return sandbox_objects.subscription(sandbox_subscriptions.end(session_id, sandbox_sessions.KIND))
    if call.method == "POST":
        ends = nested(call.body.decode()).get("cancel_at_period_end") == "true"
        return sandbox_objects.subscription(sandbox_subscriptions.set_ending(session_id, ends=ends))
    return sandbox_objects.subscription(sandbox_sessions.session(session_id))


def _invoices(since: datetime) -> list[Json]:
    """Every month that was paid since then, newest first."""
    return [
        sandbox_objects.invoice(book, number)
        for book in sandbox_subscriptions.paid_sessions("stripe", "subscription", since)
        for number in range(book.periods, 0, -1)
        if months_after(book.completed_at or book.created_at, number - 1) >= since
    ]


def _since(wanted: Json) -> datetime:
    return datetime.fromtimestamp(int((wanted.get("created") or {}).get("gte", 0)), UTC)


def _listed(value: Any) -> Any:
    """Objects whose names are 0, 1, 2 … are lists."""
    if not isinstance(value, dict):
        return value
    inner = {name: _listed(item) for name, item in value.items()}
    return list(inner.values()) if all(name.isdigit() for name in inner) else inner


def _answer(status: int, content: Json) -> Answer:
    return Answer(status, msgspec.json.encode(content))
