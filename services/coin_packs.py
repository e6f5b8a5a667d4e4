"""Coins on sale."""

from uuid import UUID

import msgspec

from db.connection import query
from services.errors import Invalid


class CoinPackView(msgspec.Struct, frozen=True, rename="camel"):
    """A pack of coins; `price` in minor units of `currency` (ISO 4217)."""

    id: UUID
    name: str
    coins: int
    price: int
    currency: str


def packs_on_sale() -> list[CoinPackView]:
    """Every pack that may be bought, smallest first."""
    return [CoinPackView(*row) for row in query(f"{_PACK} ORDER BY coins, id")]


def pack_on_sale(pack_id: UUID, field: str) -> CoinPackView:
    """One pack; raises Invalid, naming `field`, where it is not sold."""
    rows = query(f"{_PACK} AND id = %s", (pack_id,))
    if not rows:
        raise Invalid.field(field, "is no coin pack on sale")
    return CoinPackView(*rows[0])


_PACK = "SELECT id, name, coins, price, currency FROM coin_packs WHERE is_active"
