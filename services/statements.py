"""What moved on a person's accounts, entry by entry."""

from datetime import datetime
from uuid import UUID

import msgspec

from db.connection import query
from services.actors import Actor
from services.ledger import AccountKind, TransactionKind
from services.pages import Page, cut, decode_cursor


class EntryView(msgspec.Struct, frozen=True, rename="camel"):
    """One ledger entry: `amount` is above zero where the account gained. `reference` is what caused it."""

    id: UUID
    transaction_id: UUID
    kind: TransactionKind
    account: AccountKind
    amount: int
    currency: str
    reference: UUID
    created_at: datetime


def entries_of(actor: Actor, limit: int, cursor: str | None) -> Page[EntryView]:
    """Entries on the actor's own accounts (wallet, debt, earnings), newest first."""
    (before,) = decode_cursor(cursor, tuple[UUID]) if cursor else (UUID(int=2**128 - 1),)
    rows = query(_ENTRIES, (before, limit + 1, actor.user_id, limit + 1))
    return cut(
        rows,
        limit,
        lambda row: EntryView(row[0], row[1], TransactionKind(row[2]), AccountKind(row[3]), *row[4:]),
        lambda row: (row[0],),
    )


_ENTRIES = """
SELECT e.id, e.transaction_id, t.kind, a.kind, e.amount, e.currency, t.reference, e.created_at
FROM accounts_ledger a
CROSS JOIN LATERAL (
    SELECT * FROM ledger_entries WHERE account_id = a.id AND id < %s ORDER BY id DESC LIMIT %s
) e
JOIN ledger_transactions t ON t.id = e.transaction_id
WHERE a.owner_id = %s ORDER BY e.id DESC LIMIT %s"""
