"""The payment sandbox's checkouts: opened like a provider's, then paid, declined, closed, taken back.

Each act changes the books and plans the webhooks that the provider would send of it, in one
transaction. It exists only where no provider's key is configured.
"""

import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta

import msgspec

from db.connection import acting_as_system
from db.models.payment_sandbox import SandboxSession
from db.transactions import atomic
from services import clock, sandbox_dodo, sandbox_stripe
from services.billing_months import months_after
from services.bus import bus
from services.errors import Conflict, Invalid, NotFound, ServiceError
from services.refusals import translating
from services.sandbox_books import LIFETIME_S, Act, Json, SessionBook, Told, Voice
from services.sandbox_deliveries import Unkindness, plan

VOICES: Mapping[str, Voice] = {"stripe": sandbox_stripe.speak, "dodo": sandbox_dodo.speak}
KIND = Unkindness()


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """A checkout to be: what was asked for in the provider's own words, and what that comes to."""

    provider: str
    prefix: str
    request: Json
    amount: int
    currency: str
    mode: str = "payment"
    idempotency_key: str | None = None


class KeyReused(Conflict):
    """An idempotency key came back with another request."""


@acting_as_system("the sandbox plays a provider")
def open_session(opening: Opening) -> SessionBook:
    """A new checkout, or the one that this key opened before; raises KeyReused."""
    refuse_beside_a_live_key()
    with translating(_RACED), atomic():
        known = _opened_with(opening.idempotency_key)
        if known is not None:
            return _same(known, opening.request)
        return book_of(
            SandboxSession.create(
                id=f"{opening.prefix}_{secrets.token_hex(24)}",
                idempotency_key=opening.idempotency_key,
                provider=opening.provider,
                request=opening.request,
                amount=opening.amount,
                currency=opening.currency.lower(),
                mode=opening.mode,
            )
        )


@acting_as_system("the sandbox plays a provider")
def session(session_id: str) -> SessionBook:
    """One checkout; raises NotFound."""
    refuse_beside_a_live_key()
    row = SandboxSession.get_or_none(SandboxSession.id == session_id)
    if row is None:
        raise NotFound("No such checkout session.")
    return book_of(row)


def pay(session_id: str, unkindness: Unkindness) -> SessionBook:
    """The person pays; raises NotFound, Conflict where the checkout is over."""
    return act(session_id, unkindness, _paid)


def decline(session_id: str, unkindness: Unkindness) -> SessionBook:
    """The bank refuses, after the checkout was handed in; raises NotFound, Conflict."""
    return act(session_id, unkindness, _declined)


def close(session_id: str, unkindness: Unkindness) -> SessionBook:
    """The person leaves and the checkout expires; raises NotFound, Conflict."""
    return act(session_id, unkindness, _closed)


def refund(session_id: str, unkindness: Unkindness, amount: int | None = None) -> SessionBook:
    """Give back `amount` of the newest payment (minor units), or all; raises NotFound, Conflict, Invalid."""
    return act(session_id, unkindness, lambda row: _refunded(row, amount))


def dispute(session_id: str, unkindness: Unkindness, outcome: str | None = None) -> SessionBook:
    """The payer's bank takes the money back, and decides if `outcome` (`won`, `lost`) says so."""
    return act(session_id, unkindness, lambda row: _disputed(row, outcome))


def close_overdue() -> None:
    """Close the checkouts that have been open for a day, as providers do."""
    overdue = clock.now() - timedelta(seconds=LIFETIME_S)
    rows = SandboxSession.select(SandboxSession.id).where(
        SandboxSession.status == "open", SandboxSession.created_at < overdue
    )
    for row in list(rows.limit(100)):
        close(row.id, KIND)


@acting_as_system("the sandbox plays a provider")
def act(session_id: str, unkindness: Unkindness, change: Callable[[SandboxSession], list[Told]]) -> SessionBook:
    """Change a session's books, and have its provider tell of it; raises NotFound and what `change` raises."""
    refuse_beside_a_live_key()
    with atomic():
        row = SandboxSession.select().where(SandboxSession.id == session_id).for_update(True).get_or_none()
        if row is None:
            raise NotFound("No such checkout session.")
        happened = change(row)
        row.save()
        book = book_of(row)
        events = [event for told in happened for event in VOICES[row.provider](book, told)]
        plan(row.id, row.provider, events, unkindness)
    return book


def book_of(row: SandboxSession) -> SessionBook:
    """The books of a row."""
    fields = {name: getattr(row, name) for name in SessionBook.__struct_fields__ if name != "url"}
    return SessionBook(**fields, url=f"{bus.settings.public_url}/sandbox/checkout/{row.id}")


def refuse_beside_a_live_key() -> None:
    """Raise NotFound where a provider's key is configured."""
    if not bus.settings.payment_sandbox:
        raise NotFound("There is no payment sandbox beside a provider's key.")


def _paid(row: SandboxSession) -> list[Told]:
    _require_open(row)
    row.status, row.paid, row.completed_at = "complete", True, clock.now()
    if row.mode == "subscription":
        row.periods, row.subscription_status = 1, "active"
        row.period_ends_at = months_after(row.completed_at, 1)
    return [Told(Act.PAID)]


def _declined(row: SandboxSession) -> list[Told]:
    _require_open(row)
    row.status, row.completed_at = "complete", clock.now()
    return [Told(Act.DECLINED)]


def _closed(row: SandboxSession) -> list[Told]:
    _require_open(row)
    row.status = "expired"
    return [Told(Act.CLOSED)]


def _refunded(row: SandboxSession, amount: int | None) -> list[Told]:
    _require_paid(row)
    left = row.amount - row.refunded_amount
    amount = left if amount is None else amount
    if not 0 < amount <= left:
        raise Invalid.field("amount", f"must be from 1 to {left}")
    row.refunded_amount += amount
    return [Told(Act.REFUNDED, amount)]


def _disputed(row: SandboxSession, outcome: str | None) -> list[Told]:
    _require_paid(row)
    row.is_disputed = True
    decided = {"won": Act.DISPUTE_WON, "lost": Act.DISPUTE_LOST}.get(outcome or "")
    return [Told(Act.DISPUTED), *([Told(decided)] if decided else [])]


def _require_open(row: SandboxSession) -> None:
    if row.status != "open":
        raise Conflict(f"The checkout is {row.status}.", "checkout_over")


def _require_paid(row: SandboxSession) -> None:
    if not row.paid or row.is_disputed or row.refunded_amount == row.amount:
        raise Conflict("There is no payment that could be taken back.", "nothing_to_take_back")


def _opened_with(key: str | None) -> SandboxSession | None:
    return SandboxSession.get_or_none(SandboxSession.idempotency_key == key) if key else None


def _same(row: SandboxSession, request: Json) -> SessionBook:
    if row.request != request:
        raise KeyReused("The idempotency key was used with other parameters.", "idempotency_key_reused")
    return book_of(row)


def _raced() -> ServiceError:
    return Conflict("Another request with this idempotency key is being served.", "idempotency_key_in_use")


_RACED: Mapping[str, Callable[[], ServiceError]] = {"payment_sandbox_sessions_idempotency_key": _raced}
