"""A person's coins: what they have, how they gain them, and what they owe after a refund."""

from uuid import UUID

import msgspec

from db.connection import query
from db.transactions import atomic
from services import clock, ledger
from services.errors import Conflict, NotFound, ServiceError
from services.ledger import AccountKind, Leg, PaymentPurpose, Posted, Posting, TransactionKind
from services.refusals import translating


class WalletView(msgspec.Struct, frozen=True, rename="camel"):
    """A wallet in coins. While there is a debt it is frozen: it receives, but cannot spend."""

    balance: int
    currency: str
    is_frozen: bool
    debt: int


class CoinMove(msgspec.Struct, frozen=True, kw_only=True):
    """Coins that come to or leave a wallet, why, and by which payment."""

    owner: UUID
    coins: int
    kind: TransactionKind
    reference: UUID
    idempotency_key: str
    settles: PaymentPurpose | None = None


def wallet_of(user_id: UUID) -> WalletView:
    """The wallet of a person; an empty one where nothing ever moved."""
    rows = query(_WALLET, (user_id,))
    if not rows:
        return WalletView(balance=0, currency=ledger.COIN, is_frozen=False, debt=0)
    [(balance, is_frozen)] = rows
    return WalletView(
        balance=balance, currency=ledger.COIN, is_frozen=is_frozen, debt=debt_of(user_id) if is_frozen else 0
    )


def debt_of(user_id: UUID) -> int:
    """Coins that were refunded to a person after they had spent them."""
    return -ledger.balance_of(AccountKind.DEBT, user_id)


def put_in(move: CoinMove) -> Posted:
    """Issue coins to a wallet, a debt being paid first; thaws the wallet that owes nothing more.

    Belongs inside the caller's `atomic`, under `translating(ledger.REFUSALS)`.
    """
    _, is_frozen = _lock(move.owner)
    debt = debt_of(move.owner) if is_frozen else 0
    repaid = min(debt, move.coins)
    posted = _post(move, wallet=move.coins - repaid, debt=repaid, issued=-move.coins)
    if is_frozen and repaid == debt:
        _set_frozen(move.owner, frozen=False)
    return posted


def take_back(move: CoinMove) -> None:
    """Withdraw coins that should never have been issued; what is spent already becomes a debt.

    Freezes the wallet where a debt remains. Belongs inside the caller's `atomic`.
    """
    available, _ = _lock(move.owner)
    taken = min(available, move.coins)
    _post(move, wallet=-taken, debt=taken - move.coins, issued=move.coins)
    if taken < move.coins:
        _set_frozen(move.owner, frozen=True)


def grant(user_id: UUID, coins: int, *, reference: UUID, key: str) -> Posted:
    """Give a person coins without a payment; the same `key` gives once.

    Raises Conflict("already_settled") the second time.
    """
    move = CoinMove(
        owner=user_id, coins=coins, kind=TransactionKind.GRANT, reference=reference, idempotency_key=f"grant:{key}"
    )
    with translating({**ledger.REFUSALS, "accounts_ledger_owner_id_fkey": _no_such_person}), atomic():
        return put_in(move)


def spendable(posted: Posted, owner: UUID) -> int:
    """The balance that a spending left; raises Conflict("wallet_frozen") where a debt stands."""
    wallet = posted.wallets[owner]
    if wallet.is_frozen:
        raise Conflict("The wallet is frozen until its debt is paid.", "wallet_frozen")
    return wallet.balance


def _post(move: CoinMove, *, wallet: int, debt: int, issued: int) -> Posted:
    return ledger.post(
        Posting(
            kind=move.kind,
            reference=move.reference,
            idempotency_key=move.idempotency_key,
            settles=move.settles,
            legs=(
                Leg(AccountKind.WALLET, wallet, move.owner),
                Leg(AccountKind.DEBT, debt, move.owner),
                Leg(AccountKind.ISSUED, issued),
            ),
        )
    )


def _lock(owner: UUID) -> tuple[int, bool]:
    """Hold a wallet, opened if new, until the transaction ends; returns its balance and whether it is frozen."""
    held = query(_HOLD, (owner,))
    if not held:
        ledger.account_ids(ledger.COIN, [Leg(AccountKind.WALLET, 0, owner)])
        held = query(_HOLD, (owner,))
    [(balance, is_frozen)] = held
    return balance, is_frozen


def _set_frozen(owner: UUID, *, frozen: bool) -> None:
    query(_FREEZE, (clock.now() if frozen else None, owner))


def _no_such_person() -> ServiceError:
    return NotFound("No such person.")


_WALLET = """
SELECT balance, frozen_at IS NOT NULL FROM accounts_ledger
WHERE owner_id = %s AND kind = 'WALLET' AND currency = 'COIN'"""

_HOLD = f"{_WALLET} FOR NO KEY UPDATE"

_FREEZE = """
UPDATE accounts_ledger SET frozen_at = %s
WHERE owner_id = %s AND kind = 'WALLET' AND currency = 'COIN'"""
