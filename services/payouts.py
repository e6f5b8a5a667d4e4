"""Payouts: earnings that a streamer asks for, held until an administrator settles or refuses.

EARNINGS -> PAYOUTS when it is asked for; PAYOUTS -> PAID_OUT when it is settled, or back to EARNINGS
when it is refused. What is held is no longer among the earnings, so that nobody asks for it twice.
The transfer itself happens at the operator's bank; `reference` says where it is found there.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec
import structlog

from db.connection import acting_as_system, query
from db.models.payouts import Payout
from db.transactions import atomic
from services import clock, financial, ledger, notifications
from services.actors import Actor
from services.errors import Conflict, NotFound
from services.events import UserRef
from services.financial import BankDetails
from services.ids import new_id
from services.ledger import AccountKind, Leg, Posting, TransactionKind
from services.notification_kinds import Kind
from services.pages import Page, cut, decode_cursor
from services.refusals import translating

log = structlog.get_logger(__name__)


class PayoutStatus(StrEnum):
    """Where a payout stands."""

    PENDING = "pending"
    SETTLED = "settled"
    REFUSED = "refused"


class Outcome(StrEnum):
    """What can be decided."""

    SETTLED = "settled"
    REFUSED = "refused"


class PayoutWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of the earnings to pay out: coins, or minor units of another `currency` (ISO 4217)."""

    amount: Annotated[int, msgspec.Meta(ge=1, le=10**15)]
    currency: Annotated[str, msgspec.Meta(pattern="^(COIN|[A-Z]{3})$", max_length=4)] = ledger.COIN


class Settlement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A decision: `reference` is the bank's of what was transferred, `reason` why it was refused."""

    status: Outcome
    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""
    reference: Annotated[str, msgspec.Meta(max_length=120)] = ""


class PayoutView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A payout; `account_last4` are the last characters of the account that it was asked for to."""

    id: UUID
    streamer: UserRef
    amount: int
    currency: str
    status: PayoutStatus
    account_last4: str
    reference: str
    reason: str
    created_at: datetime
    decided_at: datetime | None


class PayoutToPay(PayoutView, frozen=True, kw_only=True, rename="camel"):
    """A payout with the bank details as they are now; their end may not be `account_last4` any more."""

    bank_details: BankDetails


def ask_for_payout(actor: Actor, wish: PayoutWish) -> PayoutView:
    """Hold some of the actor's earnings to be paid out.

    Raises Conflict (`financial_details_required`, `insufficient_earnings`).
    """
    last4 = _account_of(actor)
    with translating(ledger.REFUSALS), atomic():
        _hold_earnings(actor.user_id, wish.currency)
        if ledger.balance_of(AccountKind.EARNINGS, actor.user_id, wish.currency) < wish.amount:
            raise Conflict("The earnings do not reach that far.", "insufficient_earnings")
        payout = Payout(id=new_id(), user=actor.user_id, account_last4=last4, **msgspec.structs.asdict(wish))
        payout.held_transaction_id = _move(payout, TransactionKind.PAYOUT, AccountKind.EARNINGS, AccountKind.PAYOUTS)
        with acting_as_system("a payout is written with what it holds"):
            payout.save(force_insert=True)
        return _one(payout.id)


def payouts_of(actor: Actor, limit: int, cursor: str | None) -> Page[PayoutView]:
    """The actor's payouts, newest first."""
    return _page("p.user_id = %(of)s", actor.user_id, limit, cursor)


def payouts_in(status: PayoutStatus, limit: int, cursor: str | None) -> Page[PayoutView]:
    """Everybody's payouts in one state, newest first; for administrators."""
    return _page("p.status = %(of)s", status.value, limit, cursor)


def payout_to_pay(actor: Actor, payout_id: UUID) -> PayoutToPay:
    """A payout with where to pay to, in full; that it was read is logged. Raises NotFound."""
    rows = query(f"{_PAYOUT} WHERE p.id = %s", (payout_id,))
    if not rows or not actor.is_admin:
        raise _no_such_payout()
    payout = _view(rows[0])
    log.info("bank_details_read", payout_id=str(payout_id), by=str(actor.user_id))
    details = financial.payable_details(payout.streamer.id)
    return PayoutToPay(**msgspec.structs.asdict(payout), bank_details=details)


def decide(actor: Actor, payout_id: UUID, settlement: Settlement) -> PayoutView:
    """Settle or refuse a payout, once, and tell its streamer.

    Raises NotFound (also for whoever is no administrator), Conflict (`already_decided`).
    """
    with translating(ledger.REFUSALS), atomic():
        payout = Payout.select().where(Payout.id == payout_id).for_update().first()
        if payout is None or not actor.is_admin:
            raise _no_such_payout()
        if payout.status != PayoutStatus.PENDING:
            raise Conflict(f"This payout is {payout.status} already.", "already_decided")
        _decide(actor, payout, settlement)
        view = _one(payout_id)
    log.info("payout_decided", payout_id=str(payout_id), status=settlement.status.value, by=str(actor.user_id))
    return view


def _decide(actor: Actor, payout: Payout, settlement: Settlement) -> None:
    if settlement.status is Outcome.SETTLED:
        moved = _move(payout, TransactionKind.PAYOUT_SETTLED, AccountKind.PAYOUTS, AccountKind.PAID_OUT)
    else:
        moved = _move(payout, TransactionKind.PAYOUT_REFUSED, AccountKind.PAYOUTS, AccountKind.EARNINGS)
    payout.status, payout.final_transaction_id = settlement.status.value, moved
    payout.reason, payout.bank_reference = settlement.reason, settlement.reference
    payout.decided_by_id, payout.decided_at = actor.user_id, clock.now()
    payout.save()
    _tell(payout)


def _no_such_payout() -> NotFound:
    return NotFound("No such payout.", "payout_not_found")


def _account_of(actor: Actor) -> str:
    try:
        return financial.own_details(actor).last4
    except NotFound as error:
        raise Conflict("Say first where to pay to.", "financial_details_required") from error


@acting_as_system("to hold earnings")
def _hold_earnings(user_id: UUID, currency: str) -> None:
    """Let one asking of a person come after the other; whoever pays into the earnings does not wait."""
    account = ledger.account_ids(currency, [Leg(AccountKind.EARNINGS, 0, user_id)])[AccountKind.EARNINGS, user_id]
    query("SELECT 1 FROM accounts_ledger WHERE id = %s FOR NO KEY UPDATE", (account,))


def _move(payout: Payout, kind: TransactionKind, source: AccountKind, target: AccountKind) -> UUID:
    """Move a payout's amount on; a second deciding would meet the same idempotency key."""
    step = "held" if kind is TransactionKind.PAYOUT else "final"
    owner = None if target is AccountKind.PAID_OUT else payout.user_id
    posting = Posting(
        kind=kind,
        currency=payout.currency,
        reference=payout.id,
        idempotency_key=f"payout:{payout.id}:{step}",
        legs=(Leg(source, -payout.amount, payout.user_id), Leg(target, payout.amount, owner)),
    )
    return ledger.post(posting).transaction_id


def _tell(payout: Payout) -> None:
    is_settled = payout.status == PayoutStatus.SETTLED
    title = "Your payout is on its way" if is_settled else "Your payout was refused"
    data = {"payoutId": str(payout.id), "status": payout.status, "amount": payout.amount, "currency": payout.currency}
    notifications.notify(payout.user_id, Kind.PAYOUT, title, payout.reason, data)


def _page(condition: str, of: UUID | str, limit: int, cursor: str | None) -> Page[PayoutView]:
    (before,) = decode_cursor(cursor, tuple[UUID]) if cursor else (UUID(int=2**128 - 1),)
    sql = f"{_PAYOUT} WHERE {condition} AND p.id < %(before)s ORDER BY p.id DESC LIMIT %(limit)s"
    rows = query(sql, {"of": of, "before": before, "limit": limit + 1})
    return cut(rows, limit, _view, lambda row: (row[0],))


def _one(payout_id: UUID) -> PayoutView:
    return _view(query(f"{_PAYOUT} WHERE p.id = %s", (payout_id,))[0])


def _view(row: tuple[Any, ...]) -> PayoutView:
    payout_id, amount, currency, status, last4, reference, reason, created_at, decided_at, *streamer = row
    return PayoutView(
        id=payout_id,
        streamer=UserRef(*streamer),
        amount=amount,
        currency=currency,
        status=PayoutStatus(status),
        account_last4=last4,
        reference=reference,
        reason=reason,
        created_at=created_at,
        decided_at=decided_at,
    )


_PAYOUT = """
SELECT p.id, p.amount, p.currency, p.status, p.account_last4, p.bank_reference, p.reason, p.created_at, p.decided_at,
       u.id, u.username, u.name, u.avatar
FROM payouts p JOIN users u ON u.id = p.user_id"""
