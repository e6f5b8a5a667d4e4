"""Coins on sale, and what administrators change of them."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from db.connection import query
from db.models.coin_packs import CoinPack
from db.transactions import atomic
from services.actors import Actor
from services.errors import Forbidden, Invalid, NotFound
from services.ids import new_id

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
Coins = Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]
Price = Annotated[int, msgspec.Meta(ge=1, le=100_000_000)]
Currency = Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$", max_length=3)]


class CoinPackView(msgspec.Struct, frozen=True, rename="camel"):
    """A pack of coins; `price` in minor units of `currency` (ISO 4217)."""

    id: UUID
    name: str
    coins: int
    price: int
    currency: str


class AdminPackView(CoinPackView, frozen=True, rename="camel"):
    """A pack as administrators see it: also whether it is on sale."""

    is_active: bool


class PackDraft(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A pack to be; `price` in minor units of `currency` (ISO 4217)."""

    name: Name
    coins: Coins
    price: Price
    currency: Currency = "PEN"
    is_active: bool = True


class PackEdit(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A change of a pack: what is left out stays. Purchases that were begun keep the old terms."""

    name: Name | UnsetType = UNSET
    coins: Coins | UnsetType = UNSET
    price: Price | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET


def packs_on_sale() -> list[CoinPackView]:
    """Every pack that may be bought, smallest first."""
    return [CoinPackView(*row) for row in query(f"{_PACK} ORDER BY coins, id")]


def pack_on_sale(pack_id: UUID, field: str) -> CoinPackView:
    """One pack; raises Invalid, naming `field`, where it is not sold."""
    rows = query(f"{_PACK} AND id = %s", (pack_id,))
    if not rows:
        raise Invalid.field(field, "is no coin pack on sale")
    return CoinPackView(*rows[0])


def create_pack(actor: Actor, draft: PackDraft) -> AdminPackView:
    """Make a pack of coins; raises Forbidden for whoever is no administrator."""
    _check_admin(actor)
    return _admin_view(CoinPack.create(id=new_id(), **msgspec.structs.asdict(draft)))


def edit_pack(actor: Actor, pack_id: UUID, edit: PackEdit) -> AdminPackView:
    """Change a pack, or take it off sale; raises NotFound, Forbidden."""
    _check_admin(actor)
    columns: dict[str, Any] = {
        name: value for name, value in msgspec.structs.asdict(edit).items() if value is not UNSET
    }
    with atomic():
        if columns:
            CoinPack.update(**columns).where(CoinPack.id == pack_id).execute()
        pack = CoinPack.get_or_none(CoinPack.id == pack_id)
    if pack is None:
        raise NotFound("No such coin pack.")
    return _admin_view(pack)


def _check_admin(actor: Actor) -> None:
    if not actor.is_admin:
        raise Forbidden("Only administrators set up coin packs.")


def _admin_view(pack: CoinPack) -> AdminPackView:
    return AdminPackView(pack.id, pack.name, pack.coins, pack.price, pack.currency, pack.is_active)


_PACK = "SELECT id, name, coins, price, currency FROM coin_packs WHERE is_active"
