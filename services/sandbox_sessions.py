"""The payment sandbox's checkouts: opened like a provider's, then paid, declined, closed, taken back.

Each act changes the books and plans the webhooks that a provider would send of it, in one
transaction. It exists only where no provider's key is configured.
"""

import secrets
from collections.abc import Callable, Mapping

import msgspec

from db.models.payment_sandbox import SandboxSession
from db.transactions import atomic
from services import clock, sandbox_objects
from services.bus import bus
from services.errors import Conflict, Invalid, NotFound, ServiceError
from services.refusals import translating
from services.sandbox_deliveries import Unkindness, plan
from services.sandbox_objects import Json, SessionBook

Told = list[tuple[str, Json]]
"""Kinds of events, each with the object that it is about, in the order in which they happened."""


class KeyReused(Conflict):
    """An idempotency key came back with another request."""


def open_session(request: Json, idempotency_key: str | None) -> SessionBook:
    """A new checkout, or the one that this key opened before; raises Invalid, KeyReused."""
    _refuse_beside_a_live_key()
    amount, currency = _price(request)
    with translating(_RACED), atomic():
        known = _opened_with(idempotency_key)
        if known is not None:
            return _same(known, request)
        return _book(
            SandboxSession.create(
                id=f"cs_test_{secrets.token_hex(24)}",
                idempotency_key=idempotency_key,
                request=request,
                amount=amount,
                currency=currency,
            )
        )


def session(session_id: str) -> SessionBook:
    """One checkout; raises NotFound."""
    _refuse_beside_a_live_key()
    row = SandboxSession.get_or_none(SandboxSession.id == session_id)
    if row is None:
        raise NotFound("No such checkout session.")
    return _book(row)


def pay(session_id: str, unkindness: Unkindness) -> SessionBook:
    """The person pays; raises NotFound, Conflict where the checkout is over."""
    return _act(session_id, unkindness, _paid)


def decline(session_id: str, unkindness: Unkindness) -> SessionBook:
    """The bank refuses, after the checkout was handed in; raises NotFound, Conflict."""
    return _act(session_id, unkindness, _declined)


def close(session_id: str, unkindness: Unkindness) -> SessionBook:
    """The person leaves and the checkout expires; raises NotFound, Conflict."""
    return _act(session_id, unkindness, _closed)


def refund(session_id: str, unkindness: Unkindness, amount: int | None = None) -> SessionBook:
    """Give back `amount` of a payment (minor units), or all of it; raises NotFound, Conflict, Invalid."""
    return _act(session_id, unkindness, lambda row: _refunded(row, amount))


def dispute(session_id: str, unkindness: Unkindness, outcome: str | None = None) -> SessionBook:
    """The payer's bank takes the money back, and decides if `outcome` (`won`, `lost`) says so."""
    return _act(session_id, unkindness, lambda row: _disputed(row, outcome))


def _act(session_id: str, unkindness: Unkindness, change: Callable[[SandboxSession], Told]) -> SessionBook:
    _refuse_beside_a_live_key()
    with atomic():
        row = SandboxSession.select().where(SandboxSession.id == session_id).for_update(True).get_or_none()
        if row is None:
            raise NotFound("No such checkout session.")
        told = change(row)
        row.save()
        at = clock.now()
        plan(row.id, [sandbox_objects.event(kind, subject, at) for kind, subject in told], unkindness)
        return _book(row)


def _paid(row: SandboxSession) -> Told:
    _require_open(row)
    row.status, row.paid = "complete", True
    book = _book(row)
    return [
        ("payment_intent.succeeded", sandbox_objects.payment_intent(book)),
        ("charge.succeeded", sandbox_objects.charge(book)),
        ("checkout.session.completed", sandbox_objects.checkout_session(book)),
    ]


def _declined(row: SandboxSession) -> Told:
    _require_open(row)
    row.status = "complete"
    book = _book(row)
    return [
        ("checkout.session.completed", sandbox_objects.checkout_session(book)),
        ("payment_intent.payment_failed", sandbox_objects.payment_intent(book)),
        ("charge.failed", sandbox_objects.charge(book)),
        ("checkout.session.async_payment_failed", sandbox_objects.checkout_session(book)),
    ]


def _closed(row: SandboxSession) -> Told:
    _require_open(row)
    row.status = "expired"
    return [("checkout.session.expired", sandbox_objects.checkout_session(_book(row)))]


def _refunded(row: SandboxSession, amount: int | None) -> Told:
    _require_paid(row)
    left = row.amount - row.refunded_amount
    amount = left if amount is None else amount
    if not 0 < amount <= left:
        raise Invalid.field("amount", f"must be from 1 to {left}")
    row.refunded_amount += amount
    return [("charge.refunded", sandbox_objects.charge(_book(row)))]


def _disputed(row: SandboxSession, outcome: str | None) -> Told:
    _require_paid(row)
    row.is_disputed = True
    book = _book(row)
    told = [("charge.dispute.created", sandbox_objects.dispute(book, "needs_response"))]
    if outcome is not None:
        told.append(("charge.dispute.closed", sandbox_objects.dispute(book, outcome)))
    return told


def _require_open(row: SandboxSession) -> None:
    if row.status != "open":
        raise Conflict(f"The checkout is {row.status}.", "checkout_over")


def _require_paid(row: SandboxSession) -> None:
    if not row.paid or row.is_disputed or row.refunded_amount == row.amount:
        raise Conflict("There is no payment that could be taken back.", "nothing_to_take_back")


def _price(request: Json) -> tuple[int, str]:
    try:
        items = msgspec.convert(request["line_items"], list[_Item], strict=False)
    except (KeyError, msgspec.ValidationError) as error:
        raise Invalid.field("line_items", "must hold price_data with currency and unit_amount") from error
    if not items:
        raise Invalid.field("line_items", "must not be empty")
    return sum(item.price_data.unit_amount * item.quantity for item in items), items[0].price_data.currency


class _PriceData(msgspec.Struct):
    currency: str
    unit_amount: int


class _Item(msgspec.Struct):
    price_data: _PriceData
    quantity: int = 1


def _opened_with(key: str | None) -> SandboxSession | None:
    return SandboxSession.get_or_none(SandboxSession.idempotency_key == key) if key else None


def _same(row: SandboxSession, request: Json) -> SessionBook:
    if row.request != request:
        raise KeyReused("The idempotency key was used with other parameters.", "idempotency_key_reused")
    return _book(row)


def _raced() -> ServiceError:
    return Conflict("Another request with this idempotency key is being served.", "idempotency_key_in_use")


_RACED: Mapping[str, Callable[[], ServiceError]] = {"payment_sandbox_sessions_idempotency_key": _raced}


def _book(row: SandboxSession) -> SessionBook:
    return SessionBook(
        id=row.id,
        request=row.request,
        amount=row.amount,
        currency=row.currency,
        status=row.status,
        paid=row.paid,
        refunded_amount=row.refunded_amount,
        is_disputed=row.is_disputed,
        created_at=row.created_at,
        url=f"{bus.settings.public_url}/sandbox/checkout/{row.id}",
    )


def _refuse_beside_a_live_key() -> None:
    if not bus.settings.payment_sandbox:
        raise NotFound("There is no payment sandbox beside a provider's key.")
