"""What a discount code gives on a pack of coins, and using one: never more often than it may be.

A use is counted in the transaction that writes the purchase, and released by the one that closes
a purchase for which no money came. Whoever orders the same again with the same code gets the
checkout that still waits, so that a closed page does not cost a use.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec

from db.connection import acting_as_system, query
from services import clock
from services.actors import Actor
from services.coin_packs import CoinPackView, pack_on_sale
from services.errors import Conflict, Invalid, ServiceError
from services.ids import new_id

Code = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]


class DiscountKind(StrEnum):
    """What a code gives: part of the price, or more coins."""

    PERCENT = "percent"
    BONUS = "bonus"


class Unusable(StrEnum):
    """Why a code gives nothing to this person for this pack now."""

    UNKNOWN = "unknown"
    INACTIVE = "inactive"
    NOT_STARTED = "not_started"
    EXPIRED = "expired"
    NOT_FOR_THIS_PACKAGE = "not_for_this_package"
    USED_UP = "used_up"
    ALREADY_USED = "already_used"


class CodeCheck(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A code, and the pack that it is wanted for."""

    code: Code
    package_id: UUID


class Quote(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a pack costs with a code; `price` in minor units, `coins` with the bonus. `reason` where not valid."""

    valid: bool
    kind: DiscountKind | None
    percent_off: int | None
    bonus_coins: int | None
    price: int
    currency: str
    coins: int
    reason: Unusable | None = None


class Discount(msgspec.Struct, frozen=True, kw_only=True):
    """A code that exists, as far as it matters to one person and one pack."""

    id: UUID
    code: str
    kind: DiscountKind
    percent_off: int | None
    bonus_coins: int | None
    starts_at: datetime | None
    ends_at: datetime | None
    max_uses: int | None
    max_uses_per_user: int
    uses: int
    is_active: bool
    is_for_pack: bool
    uses_by_user: int

    def price_of(self, pack: CoinPackView) -> int:
        """The pack's price less the percentage, rounded in the buyer's favour; at least one minor unit."""
        return max(1, pack.price * (100 - (self.percent_off or 0)) // 100)

    def bonus_of(self, _pack: CoinPackView) -> int:
        """Coins on top of the pack's."""
        return self.bonus_coins or 0

    def fault(self, at: datetime) -> Unusable | None:
        """Why it cannot be used at this moment; None where it can."""
        if not self.is_active:
            return Unusable.INACTIVE
        if self.starts_at and at < self.starts_at:
            return Unusable.NOT_STARTED
        if self.ends_at and at >= self.ends_at:
            return Unusable.EXPIRED
        if not self.is_for_pack:
            return Unusable.NOT_FOR_THIS_PACKAGE
        if self.uses_by_user >= self.max_uses_per_user:
            return Unusable.ALREADY_USED
        return Unusable.USED_UP if self.max_uses is not None and self.uses >= self.max_uses else None


def validate(actor: Actor, wanted: CodeCheck) -> Quote:
    """What a code would give the actor on a pack; raises Invalid for a pack that is not sold."""
    pack = pack_on_sale(wanted.package_id, "packageId")
    discount = find(actor, pack.id, wanted.code)
    fault = discount.fault(clock.now()) if discount else Unusable.UNKNOWN
    usable = discount if fault is None else None
    return Quote(
        valid=fault is None,
        kind=discount.kind if discount else None,
        percent_off=discount.percent_off if discount else None,
        bonus_coins=discount.bonus_coins if discount else None,
        price=usable.price_of(pack) if usable else pack.price,
        currency=pack.currency,
        coins=pack.coins + (usable.bonus_of(pack) if usable else 0),
        reason=fault,
    )


def find(actor: Actor, pack_id: UUID, code: str) -> Discount | None:
    """The code as it stands for this person and pack; None for one that is unknown, or somebody else's."""
    rows: list[tuple[Any, ...]] = query(
        _DISCOUNT, {"user": actor.user_id, "pack": pack_id, "code": code.strip().upper()}
    )
    if not rows:
        return None
    fields = dict(zip(Discount.__struct_fields__, rows[0], strict=True))
    return Discount(**fields | {"kind": DiscountKind(fields["kind"])})


def known(actor: Actor, pack_id: UUID, code: str) -> Discount:
    """As `find`; raises Invalid for a code that this person cannot know of."""
    discount = find(actor, pack_id, code)
    if discount is None:
        raise refusal(Unusable.UNKNOWN)
    return discount


@acting_as_system("a use of a code counts for all")
def redeem(actor: Actor, pack_id: UUID, code: str, purchase_id: UUID) -> None:
    """Count a use by a purchase just written, in the caller's transaction; raises Invalid, Conflict.

    The code's row is locked by a statement of its own, so that whoever comes second looks at the
    uses after whoever came first.
    """
    query("SELECT FROM discount_codes WHERE code = %s FOR NO KEY UPDATE", (code.strip().upper(),))
    discount = find(actor, pack_id, code)
    fault = discount.fault(clock.now()) if discount else Unusable.UNKNOWN
    if discount is None or fault is not None:
        raise refusal(fault or Unusable.UNKNOWN)
    query("UPDATE discount_codes SET uses = uses + 1 WHERE id = %s", (discount.id,))
    query(_REDEEM, (new_id(), discount.id, purchase_id, actor.user_id, clock.now()))


def release(purchase_id: UUID) -> None:
    """Give back the use of a purchase that came to nothing, in the caller's transaction; once."""
    for (code_id,) in query(_RELEASE, (clock.now(), purchase_id)):
        query("UPDATE discount_codes SET uses = uses - 1 WHERE id = %s", (code_id,))


def refusal(fault: Unusable) -> ServiceError:
    """The fault as an error of the field `discountCode`, or of the state that the code is in."""
    sentence, code = _SENTENCES[fault], f"discount_{fault}"
    if fault in (Unusable.UNKNOWN, Unusable.NOT_FOR_THIS_PACKAGE):
        return Invalid.field("discountCode", sentence, code)
    return Conflict(f"The discount code {sentence}.", code)


def _used_up() -> ServiceError:
    return refusal(Unusable.USED_UP)


REFUSALS: Mapping[str, Callable[[], ServiceError]] = {"discount_codes_never_over_redeemed": _used_up}
"""For `translating` around the block in which a code is redeemed."""

_SENTENCES: Mapping[Unusable, str] = {
    Unusable.UNKNOWN: "is no discount code",
    Unusable.INACTIVE: "is no longer valid",
    Unusable.NOT_STARTED: "is not valid yet",
    Unusable.EXPIRED: "has expired",
    Unusable.NOT_FOR_THIS_PACKAGE: "is not for this package",
    Unusable.USED_UP: "has been used up",
    Unusable.ALREADY_USED: "was used by you already",
}


_DISCOUNT = """
SELECT d.id, d.code, d.kind, d.percent_off, d.bonus_coins, d.starts_at, d.ends_at, d.max_uses, d.max_uses_per_user,
       d.uses, d.is_active,
       NOT EXISTS (SELECT FROM discount_code_packs p WHERE p.discount_code_id = d.id)
       OR EXISTS (SELECT FROM discount_code_packs p WHERE p.discount_code_id = d.id AND p.coin_pack_id = %(pack)s),
       (SELECT count(*) FROM discount_redemptions r
        WHERE r.discount_code_id = d.id AND r.user_id = %(user)s AND r.released_at IS NULL)
FROM discount_codes d WHERE d.code = %(code)s AND (d.owner_id IS NULL OR d.owner_id = %(user)s)"""

_REDEEM = """
INSERT INTO discount_redemptions (id, discount_code_id, purchase_id, user_id, created_at)
VALUES (%s, %s, %s, %s, %s)"""

_RELEASE = """
UPDATE discount_redemptions SET released_at = %s WHERE purchase_id = %s AND released_at IS NULL
RETURNING discount_code_id"""
