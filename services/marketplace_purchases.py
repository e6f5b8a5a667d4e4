"""Buying things for coins: stock and coins move in one transaction, and never more than there are."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from db.connection import acting_as_system, query
from db.models.marketplace import MarketplacePurchase
from db.transactions import atomic
from services import ledger, notifications, wallets
from services.actors import Actor
from services.bus import bus
from services.errors import Conflict, Forbidden, Invalid, ServiceError
from services.events import UserRef
from services.ids import new_id
from services.ledger import AccountKind, Leg, Posted, Posting, TransactionKind
from services.marketplace import no_such_item
from services.notification_kinds import Kind
from services.pages import Page, cut, decode_cursor
from services.refusals import translating
from services.separation import is_blocked


class PurchaseWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many of a thing somebody wants."""

    quantity: Annotated[int, msgspec.Meta(ge=1, le=100)] = 1


class BoughtItem(msgspec.Struct, frozen=True, rename="camel"):
    """A thing as it was when it was bought; `id` leads to how it is now, while it is on sale."""

    id: UUID
    name: str
    image: str | None


class PurchaseView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What somebody bought, for how many coins in all."""

    id: UUID
    item: BoughtItem
    seller: UserRef
    quantity: int
    coins: int
    created_at: datetime


class PurchaseReceipt(PurchaseView, frozen=True, kw_only=True, rename="camel"):
    """A purchase just made, and what is left: of the thing, and in the wallet (coins)."""

    stock: int
    balance: int


class _Taken(msgspec.Struct, frozen=True):
    """What was taken from the stock."""

    seller_id: UUID
    name: str
    price: int
    stock: int


def _sold_out() -> ServiceError:
    return Conflict("There are not so many left.", "sold_out")


REFUSALS: Mapping[str, Callable[[], ServiceError]] = {
    **ledger.REFUSALS,
    "marketplace_items_stock_not_negative": _sold_out,
}


def buy(actor: Actor, item_id: UUID, wish: PurchaseWish) -> PurchaseReceipt:
    """Buy some of a thing; stock, coins and the row are one transaction.

    Raises NotFound, Conflict (`sold_out`, `insufficient_coins`, `wallet_frozen`), Forbidden
    (blocked), Invalid for one's own thing.
    """
    with translating(REFUSALS), atomic():
        taken = _take(item_id, wish.quantity)
        _check_pair(actor.user_id, taken.seller_id)
        purchase_id, coins = new_id(), taken.price * wish.quantity
        posted = _pay(actor, taken, coins, purchase_id)
        balance = wallets.spendable(posted, actor.user_id)
        _record(purchase_id, actor, item_id, taken, wish.quantity, posted)
        _tell(actor, purchase_id, taken, wish.quantity, coins)
        [row] = query(_MINE_ONE, (purchase_id,))
    return PurchaseReceipt(**msgspec.structs.asdict(_view(row)), stock=taken.stock, balance=balance)


def purchases_of(actor: Actor, limit: int, cursor: str | None) -> Page[PurchaseView]:
    """What the actor bought, newest first."""
    (before,) = decode_cursor(cursor, tuple[UUID]) if cursor else (UUID(int=2**128 - 1),)
    return cut(query(_MINE, (actor.user_id, before, limit + 1)), limit, _view, lambda row: (row[0],))


@acting_as_system("a sale takes from the seller's stock")
def _take(item_id: UUID, quantity: int) -> _Taken:
    """Take from the stock, whose row is held until the transaction ends: the wallet comes after it."""
    rows = query(_TAKE, {"item": item_id, "quantity": quantity})
    if not rows:
        raise no_such_item()
    return _Taken(*rows[0])


def _check_pair(buyer_id: UUID, seller_id: UUID) -> None:
    if buyer_id == seller_id:
        raise Invalid.field("id", "must not be an item of your own", "own_item")
    if is_blocked(buyer_id, seller_id):
        raise Forbidden("Nothing is sold between you and this seller.", "blocked")


def _pay(actor: Actor, taken: _Taken, coins: int, purchase_id: UUID) -> Posted:
    share = coins * bus.settings.platform_share_percent // 100
    return ledger.post(
        Posting(
            kind=TransactionKind.MARKETPLACE,
            reference=purchase_id,
            idempotency_key=f"marketplace:{purchase_id}",
            legs=(
                Leg(AccountKind.WALLET, -coins, actor.user_id),
                Leg(AccountKind.EARNINGS, coins - share, taken.seller_id),
                Leg(AccountKind.FEES, share),
            ),
        )
    )


@acting_as_system("a sale is written by the platform")
def _record(purchase_id: UUID, actor: Actor, item_id: UUID, taken: _Taken, quantity: int, posted: Posted) -> None:
    MarketplacePurchase.insert(
        id=purchase_id,
        ledger_transaction=posted.transaction_id,
        item=item_id,
        buyer=actor.user_id,
        seller=taken.seller_id,
        name=taken.name,
        quantity=quantity,
        coins=taken.price * quantity,
    ).execute()


def _tell(actor: Actor, purchase_id: UUID, taken: _Taken, quantity: int, coins: int) -> None:
    [(username,)] = query("SELECT username FROM users WHERE id = %s", (actor.user_id,))
    title = f"{username} bought {quantity} × {taken.name}"
    data = {"purchaseId": str(purchase_id), "buyerId": str(actor.user_id), "quantity": quantity, "coins": coins}
    notifications.notify(taken.seller_id, Kind.SALE, title, f"{taken.stock} left", data)


def _view(row: tuple[Any, ...]) -> PurchaseView:
    return PurchaseView(
        id=row[0],
        item=BoughtItem(*row[1:4]),
        quantity=row[4],
        coins=row[5],
        created_at=row[6],
        seller=UserRef(*row[7:11]),
    )


_TAKE = """
UPDATE marketplace_items i SET stock = i.stock - %(quantity)s, sold = i.sold + %(quantity)s
FROM users u
WHERE i.id = %(item)s AND i.withdrawn_at IS NULL AND u.id = i.seller_id AND u.suspended_at IS NULL
RETURNING i.seller_id, i.name, i.price, i.stock"""

_PURCHASE = """
SELECT p.id, i.id, p.name, i.image, p.quantity, p.coins, p.created_at, u.id, u.username, u.name, u.avatar
FROM marketplace_purchases p
JOIN marketplace_items i ON i.id = p.item_id
JOIN users u ON u.id = p.seller_id"""
_MINE_ONE = f"{_PURCHASE} WHERE p.id = %s"
_MINE = f"{_PURCHASE} WHERE p.buyer_id = %s AND p.id < %s ORDER BY p.id DESC LIMIT %s"
