"""Things that streamers sell for coins: what is on sale, and what its seller may change of it."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from db.connection import query
from db.models.marketplace import MarketplaceItem
from db.transactions import atomic
from services import channels, clock, outside_urls
from services.actors import Actor
from services.errors import Forbidden, NotFound
from services.events import UserRef
from services.ids import new_id
from services.pages import Page, cut, decode_cursor

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
Description = Annotated[str, msgspec.Meta(max_length=5000)]
#: The address of a picture; the platform never fetches it.
Picture = Annotated[str, msgspec.Meta(pattern=r"^(https?://|/)[^\s\"<>]+$", max_length=500)]
Price = Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]
Stock = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class ItemView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A thing on sale: `price` in coins for one, `stock` how many are left, `sold` how many went."""

    id: UUID
    name: str
    description: str
    image: str | None
    price: int
    stock: int
    sold: int
    seller: UserRef
    created_at: datetime
    updated_at: datetime


class ItemDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A thing to be sold."""

    name: Name
    price: Price
    stock: Stock
    description: Description = ""
    image: Picture | None = None


class ItemEdit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change of a thing on sale: what is left out stays. `stock` is how many are left from now on."""

    name: Name | UnsetType = UNSET
    price: Price | UnsetType = UNSET
    stock: Stock | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    image: Picture | UnsetType | None = UNSET


def items_on_sale(seller_id: UUID | None, limit: int, cursor: str | None) -> Page[ItemView]:
    """Things that are not withdrawn (sold-out ones with their stock of 0), newest first; of one seller, or all."""
    (before,) = decode_cursor(cursor, tuple[UUID]) if cursor else (UUID(int=2**128 - 1),)
    rows = query(_ON_SALE, {"seller": seller_id, "before": before, "limit": limit + 1})
    return cut(rows, limit, _view, lambda row: (row[0],))


def item(item_id: UUID) -> ItemView:
    """One thing on sale; raises NotFound."""
    rows = query(_ONE, (item_id,))
    if not rows:
        raise no_such_item()
    return _view(rows[0])


def offer_item(actor: Actor, draft: ItemDraft) -> ItemView:
    """Put a thing on sale; raises Invalid, Forbidden for somebody without a channel."""
    columns = msgspec.structs.asdict(draft)
    outside_urls.check_picture(columns, "image")
    channels.own_channel(actor)
    made = MarketplaceItem.create(id=new_id(), seller=actor.user_id, **columns)
    return item(made.id)


def edit_item(actor: Actor, item_id: UUID, edit: ItemEdit) -> ItemView:
    """Change a thing of the actor's (an admin's: any); raises Invalid, NotFound, Forbidden."""
    columns: dict[str, Any] = msgspec.to_builtins(edit)
    outside_urls.check_picture(columns, "image")
    with atomic():
        _hold(actor, item_id)
        if columns:
            MarketplaceItem.update(**columns).where(MarketplaceItem.id == item_id).execute()
        return item(item_id)


def withdraw_item(actor: Actor, item_id: UUID) -> None:
    """Take a thing off the market for good; whoever bought one keeps it. Raises NotFound, Forbidden."""
    with atomic():
        _hold(actor, item_id)
        MarketplaceItem.update(withdrawn_at=clock.now()).where(MarketplaceItem.id == item_id).execute()


def no_such_item() -> NotFound:
    """The refusal for a thing that is not on sale, or no longer."""
    return NotFound("No such item is on sale.", "item_not_found")


def _hold(actor: Actor, item_id: UUID) -> None:
    row = (
        MarketplaceItem.select()
        .where(MarketplaceItem.id == item_id, MarketplaceItem.withdrawn_at.is_null())
        .for_update()
        .first()
    )
    if row is None:
        raise no_such_item()
    if row.seller_id != actor.user_id and not actor.is_admin:
        raise Forbidden("This is somebody else's item.", "not_owner")


def _view(row: tuple[Any, ...]) -> ItemView:
    item_id, name, description, image, price, stock, sold, created_at, updated_at, *seller = row
    return ItemView(
        id=item_id,
        name=name,
        description=description,
        image=image,
        price=price,
        stock=stock,
        sold=sold,
        seller=UserRef(*seller),
        created_at=created_at,
        updated_at=updated_at,
    )


_ITEM = """
SELECT i.id, i.name, i.description, i.image, i.price, i.stock, i.sold, i.created_at, i.updated_at,
       u.id, u.username, u.name, u.avatar
FROM marketplace_items i JOIN users u ON u.id = i.seller_id
WHERE i.withdrawn_at IS NULL AND u.suspended_at IS NULL"""
_ONE = f"{_ITEM} AND i.id = %s"
_ON_SALE = f"""{_ITEM} AND i.id < %(before)s AND (%(seller)s::uuid IS NULL OR i.seller_id = %(seller)s)
ORDER BY i.id DESC LIMIT %(limit)s"""
