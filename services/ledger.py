"""Double entry: coins and money move between accounts; they never appear or vanish.

An amount above zero raises an account's balance. What the platform owes (wallets, earnings, payouts
asked for, revenue) is therefore positive, and what it holds or has issued (provider, issued) negative.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from enum import StrEnum
from uuid import UUID

import msgspec

from db.connection import acting_as_system, query
from db.models.ledger import LedgerAccount
from services.errors import Conflict, ServiceError
from services.ids import new_id

COIN = "COIN"


class AccountKind(StrEnum):
    """Whose account it is, and what for."""

    WALLET = "WALLET"
    DEBT = "DEBT"
    EARNINGS = "EARNINGS"
    PAYOUTS = "PAYOUTS"
    ISSUED = "ISSUED"
    FEES = "FEES"
    REVENUE = "REVENUE"
    REFUNDS = "REFUNDS"
    PROVIDER = "PROVIDER"
    PAID_OUT = "PAID_OUT"


class TransactionKind(StrEnum):
    """Why something moved."""

    PURCHASE = "PURCHASE"
    REFUND = "REFUND"
    DISPUTE = "DISPUTE"
    DISPUTE_WON = "DISPUTE_WON"
    GIFT = "GIFT"
    GRANT = "GRANT"
    REVERSAL = "REVERSAL"
    SUBSCRIPTION = "SUBSCRIPTION"
    MARKETPLACE = "MARKETPLACE"
    PAYOUT = "PAYOUT"
    PAYOUT_SETTLED = "PAYOUT_SETTLED"
    PAYOUT_REFUSED = "PAYOUT_REFUSED"


AccountName = tuple[AccountKind, UUID | None]
"""What an account is, and whose (None: the platform's), in one currency."""


class Leg(msgspec.Struct, frozen=True):
    """One side of a transaction: an account, named by what it is, and the amount that it gains."""

    kind: AccountKind
    amount: int
    owner: UUID | None = None


class PaymentPurpose(msgspec.Struct, frozen=True):
    """What of one provider's payment a transaction settles; settled once, however often it is told."""

    provider: str
    payment: str
    purpose: str


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction to be. `legs` sum to zero; a leg of nothing is left out."""

    kind: TransactionKind
    reference: UUID
    idempotency_key: str
    legs: tuple[Leg, ...]
    currency: str = COIN
    settles: PaymentPurpose | None = None


class WalletState(msgspec.Struct, frozen=True):
    """A wallet after a transaction."""

    balance: int
    is_frozen: bool


class Posted(msgspec.Struct, frozen=True):
    """A transaction that was written, and the wallets that it touched, by owner."""

    transaction_id: UUID
    wallets: Mapping[UUID, WalletState]


def _insufficient() -> ServiceError:
    return Conflict("There are not enough coins in the wallet.", "insufficient_coins")


def _already_posted() -> ServiceError:
    return Conflict("This was settled before.", "already_settled")


REFUSALS: Mapping[str, Callable[[], ServiceError]] = {
    "accounts_ledger_balance_not_negative": _insufficient,
    "ledger_transactions_idempotency_key": _already_posted,
    "ledger_transactions_payment_key": _already_posted,
}
"""For `translating` around the caller's `atomic` block: the refusal ends that whole block."""


@acting_as_system("a posting moves several people's coins")
def post(posting: Posting) -> Posted:
    """Write a transaction into the caller's open database transaction.

    The database refuses at commit what does not balance, at once what overdraws a wallet or
    was posted before; see REFUSALS.
    """
    legs = [leg for leg in posting.legs if leg.amount]
    accounts = account_ids(posting.currency, legs)
    transaction_id = _write(posting, [(accounts[leg.kind, leg.owner], leg.amount) for leg in legs])
    return Posted(transaction_id, _move_wallets(legs, accounts))


def balance_of(kind: AccountKind, owner: UUID | None = None, currency: str = COIN) -> int:
    """The sum of an account's entries; zero where there is no such account yet."""
    [(total,)] = query(_BALANCE, {"currency": currency, "kind": kind, "owner": owner})
    return int(total)


@acting_as_system("accounts of several people")
def account_ids(currency: str, legs: Iterable[Leg]) -> dict[AccountName, UUID]:
    """The accounts that `legs` name, opened where they are new, in a fixed order."""
    wanted = sorted({(leg.kind, leg.owner) for leg in legs}, key=str)
    found = _find(currency, wanted)
    missing = [name for name in wanted if name not in found]
    if missing:
        _open(currency, missing)
        found = _find(currency, wanted)
    return found


def _write(posting: Posting, entries: list[tuple[UUID, int]]) -> UUID:
    """A transaction and its entries, in one round trip; returns the transaction's id."""
    transaction_id, settles = new_id(), posting.settles
    query(
        _WRITE,
        {
            "id": transaction_id,
            "kind": posting.kind,
            "currency": posting.currency,
            "reference": posting.reference,
            "key": posting.idempotency_key,
            "provider": settles and settles.provider,
            "payment": settles and settles.payment,
            "purpose": settles and settles.purpose,
            "entries": [new_id() for _ in entries],
            "accounts": [account for account, _ in entries],
            "amounts": [amount for _, amount in entries],
        },
    )
    return transaction_id


def _move_wallets(legs: list[Leg], accounts: Mapping[AccountName, UUID]) -> dict[UUID, WalletState]:
    """Bring the cached balances along, locking wallets in the order of their ids."""
    moves = [
        (accounts[leg.kind, leg.owner], leg.owner, leg.amount)
        for leg in legs
        if leg.kind is AccountKind.WALLET and leg.owner is not None
    ]
    return {owner: _move(account, amount) for account, owner, amount in sorted(moves)}


def _move(account: UUID, amount: int) -> WalletState:
    [(balance, is_frozen)] = query(_MOVE, (amount, account))
    return WalletState(balance, is_frozen)


def _find(currency: str, names: Collection[AccountName]) -> dict[AccountName, UUID]:
    kinds = [str(kind) for kind, _ in names]
    owners = [owner for _, owner in names if owner is not None]
    rows = query(_FIND, (currency, kinds, owners))
    found = {(AccountKind(kind), owner): account for kind, owner, account in rows}
    return {name: found[name] for name in names if name in found}


def _open(currency: str, names: Iterable[AccountName]) -> None:
    rows = [
        {"kind": kind, "owner": owner, "currency": currency, "balance": 0 if kind is AccountKind.WALLET else None}
        for kind, owner in names
    ]
    LedgerAccount.insert_many(rows).on_conflict_ignore().execute()


_FIND = """
SELECT kind, owner_id, id FROM accounts_ledger
WHERE currency = %s AND kind = ANY(%s) AND (owner_id IS NULL OR owner_id = ANY(%s::uuid[]))"""

# Foreign keys are looked at when the statement is over, so that both halves may be one.
_WRITE = """
WITH written AS (
    INSERT INTO ledger_transactions
        (id, kind, currency, reference, idempotency_key, provider, payment, purpose, created_at)
    VALUES (%(id)s, %(kind)s, %(currency)s, %(reference)s, %(key)s, %(provider)s, %(payment)s, %(purpose)s,
            clock_timestamp())
)
INSERT INTO ledger_entries (id, transaction_id, account_id, currency, amount, created_at)
SELECT entry, %(id)s, account, %(currency)s, amount, clock_timestamp()
FROM unnest(%(entries)s::uuid[], %(accounts)s::uuid[], %(amounts)s::bigint[]) AS t (entry, account, amount)"""

_MOVE = """
UPDATE accounts_ledger SET balance = balance + %s WHERE id = %s RETURNING balance, frozen_at IS NOT NULL"""

_BALANCE = """
SELECT coalesce(sum(e.amount), 0) FROM ledger_entries e JOIN accounts_ledger a ON a.id = e.account_id
WHERE a.currency = %(currency)s AND a.kind = %(kind)s
  AND (a.owner_id = %(owner)s OR (%(owner)s::uuid IS NULL AND a.owner_id IS NULL))"""
