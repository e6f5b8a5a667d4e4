"""The part of Dodo Payments' API that AstroTV calls, answered from the payment sandbox's books."""

import secrets
from datetime import datetime
from urllib.parse import parse_qs

import msgspec

from db.connection import acting_as_system
from db.models.payment_sandbox import SandboxProduct
from services import sandbox_dodo, sandbox_sessions, sandbox_subscriptions
from services.billing_months import months_after
from services.errors import Conflict, Invalid, NotFound, ServiceError
from services.gateways.payments.loopback import Answer, Call
from services.sandbox_books import Json, SessionBook
from services.sandbox_sessions import Opening

PREFIX = "/dodo"
_STATUS: dict[type[ServiceError], int] = {NotFound: 404, Invalid: 422, Conflict: 409}


class _Price(msgspec.Struct):
    type: str
    currency: str
    price: int


class _Product(msgspec.Struct):
    name: str
    price: _Price
    tax_category: str


class _CartItem(msgspec.Struct):
    product_id: str
    quantity: int


class _Checkout(msgspec.Struct):
    product_cart: list[_CartItem]
    metadata: dict[str, str] = {}


class _Change(msgspec.Struct):
    status: str | None = None
    cancel_at_next_billing_date: bool | None = None


@acting_as_system("the sandbox plays a provider")
def handle(call: Call, *, is_known: bool) -> Answer:
    """Answer one call as Dodo would (https://docs.dodopayments.com/api-reference)."""
    if not is_known:
        return _answer(401, {"code": "UNAUTHORIZED", "message": "The API key is not valid."})
    try:
        return _answer(200, _dispatch(call))
    except msgspec.DecodeError as error:
        return _answer(422, {"code": "INVALID_REQUEST_BODY", "message": str(error)})
    except ServiceError as refusal:
        return _answer(_STATUS.get(type(refusal), 500), {"code": refusal.code, "message": refusal.message})


def _dispatch(call: Call) -> Json:
    path, _, query = call.path.removeprefix(PREFIX).partition("?")
    match call.method, path.strip("/").split("/"):
        case "POST", ["products"]:
            return _create_product(msgspec.json.decode(call.body, type=_Product))
        case "POST", ["checkouts"]:
            return _open(call.body)
        case "GET", ["payments"]:
            return {"items": _payments(parse_qs(query))}
        case "PATCH", ["subscriptions", plan]:
            return _change(plan, msgspec.json.decode(call.body, type=_Change))
    raise NotFound(f"The payment sandbox does not know {call.method} {path}.")


def _create_product(wanted: _Product) -> Json:
    is_recurring = wanted.price.type == "recurring_price"
    row = SandboxProduct.create(
        id=f"pdt_{secrets.token_hex(12)}",
        name=wanted.name,
        amount=wanted.price.price,
        currency=wanted.price.currency,
        is_recurring=is_recurring,
    )
    price: Json = {"type": wanted.price.type, "currency": row.currency, "price": row.amount}
    if is_recurring:
        price |= {"payment_frequency_count": 1, "payment_frequency_interval": "Month"}
        price |= {"subscription_period_count": 20, "subscription_period_interval": "Year"}
    return sandbox_dodo.product(row.id, row.name, price, row.created_at)


def _open(body: bytes) -> Json:
    wanted, request = msgspec.json.decode(body, type=_Checkout), msgspec.json.decode(body, type=Json)
    [item] = wanted.product_cart or [_CartItem("", 1)]
    product = SandboxProduct.get_or_none(SandboxProduct.id == item.product_id)
    if product is None:
        raise NotFound("No such product.")
    book = sandbox_sessions.open_session(
        Opening(
            provider="dodo",
            prefix="cks",
            request={**request, "title": product.name, "success_url": request.get("return_url")},
            amount=product.amount * item.quantity,
            currency=product.currency,
            mode="subscription" if product.is_recurring else "payment",
        )
    )
    return {"session_id": book.id, "checkout_url": book.url}


def _change(plan: str, change: _Change) -> Json:
    session_id = sandbox_subscriptions.session_of_plan(plan)
    if change.status == "cancelled":
        return sandbox_dodo.subscription(sandbox_subscriptions.end(session_id, sandbox_sessions.KIND))
    if change.cancel_at_next_billing_date is None:
        raise Invalid.field("cancel_at_next_billing_date", "is required")
    book = sandbox_subscriptions.set_ending(session_id, ends=change.cancel_at_next_billing_date)
    return sandbox_dodo.subscription(book)


def _payments(wanted: dict[str, list[str]]) -> list[Json]:
    """One page of what was paid since `created_at_gte`, newest first."""
    since = datetime.fromisoformat(wanted["created_at_gte"][0].replace("Z", "+00:00"))
    books = sandbox_subscriptions.paid_sessions("dodo", "payment", since)
    paid = [sandbox_dodo.payment(book) for book in books]
    for book in sandbox_subscriptions.paid_sessions("dodo", "subscription", since):
        paid += [sandbox_dodo.payment(book, number) for number in _months_since(book, since)]
    size, page = int(wanted.get("page_size", ["10"])[0]), int(wanted.get("page_number", ["0"])[0])
    return paid[page * size : (page + 1) * size]


def _months_since(book: SessionBook, since: datetime) -> list[int]:
    began = book.completed_at or book.created_at
    return [number for number in range(book.periods, 0, -1) if months_after(began, number - 1) >= since]


def _answer(status: int, content: Json) -> Answer:
    return Answer(status, msgspec.json.encode(content))
