"""Discount codes as things: made by an admin or earned by a purchase, listed with their uses."""

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec

from db.connection import query
from db.models.coin_purchases import CoinPurchase
from db.models.discounts import DiscountCode, DiscountCodePack
from db.transactions import atomic
from services import clock, notifications
from services.actors import Actor
from services.discounts import DiscountKind
from services.errors import Conflict, Invalid, ServiceError
from services.ids import new_id
from services.notification_kinds import Kind
from services.pages import Page, cut, decode_cursor
from services.refusals import translating

REWARD_LIVES = timedelta(days=90)
#: Without the letters and digits that are taken for one another.
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Uses = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]


class DiscountDraft(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A code to be: either `percentOff` or `bonusCoins`; for all packs unless some are named.

    Left out, `code` is made up, uses are without limit in all and one a person.
    """

    code: Annotated[str, msgspec.Meta(min_length=3, max_length=40, pattern="^[A-Za-z0-9][A-Za-z0-9_-]*$")] | None = None
    kind: DiscountKind | None = None
    percent_off: Annotated[int, msgspec.Meta(ge=1, le=90)] | None = None
    bonus_coins: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None
    package_ids: Annotated[list[UUID], msgspec.Meta(max_length=50)] = []
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    max_uses: Uses | None = None
    max_uses_per_user: Uses = 1
    is_active: bool = True


class DiscountCodeView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A code, what it gives, and how often it was used; `packageIds` empty for all packs."""

    id: UUID
    code: str
    kind: DiscountKind
    percent_off: int | None
    bonus_coins: int | None
    package_ids: list[UUID]
    starts_at: datetime | None
    ends_at: datetime | None
    max_uses: int | None
    max_uses_per_user: int
    uses: int
    is_active: bool
    owner_id: UUID | None
    created_at: datetime


def create_code(actor: Actor, draft: DiscountDraft) -> DiscountCodeView:
    """Make a code for everybody; raises Invalid, Conflict("code_taken")."""
    kind = _kind(draft)
    if draft.starts_at and draft.ends_at and draft.ends_at <= draft.starts_at:
        raise Invalid.field("endsAt", "must come after startsAt", "ends_before_start")
    with translating(_REFUSALS), atomic():
        made = DiscountCode.create(
            code=(draft.code or made_up("ASTRO")).upper(),
            kind=kind,
            percent_off=draft.percent_off,
            bonus_coins=draft.bonus_coins,
            starts_at=draft.starts_at,
            ends_at=draft.ends_at,
            max_uses=draft.max_uses,
            max_uses_per_user=draft.max_uses_per_user,
            is_active=draft.is_active,
            created_by=actor.user_id,
        )
        _limit_to(made.id, draft.package_ids)
    return _view(query(f"{_CODE} WHERE d.id = %s", (made.id,))[0])


def all_codes(limit: int, cursor: str | None) -> Page[DiscountCodeView]:
    """Every code, personal ones included, newest first."""
    (before,) = decode_cursor(cursor, tuple[UUID]) if cursor else (UUID(int=2**128 - 1),)
    rows = query(f"{_CODE} WHERE d.id < %s ORDER BY d.id DESC LIMIT %s", (before, limit + 1))
    return cut(rows, limit, _view, lambda row: (row[0],))


def codes_of(actor: Actor, limit: int, cursor: str | None) -> Page[DiscountCodeView]:
    """The actor's reward codes, newest first, used ones included."""
    (before,) = decode_cursor(cursor, tuple[UUID]) if cursor else (UUID(int=2**128 - 1),)
    rows = query(_MINE, (actor.user_id, before, limit + 1))
    return cut(rows, limit, _view, lambda row: (row[0],))


def latest_reward(actor: Actor) -> DiscountCodeView | None:
    """The actor's newest reward code; None where there was none yet."""
    found = codes_of(actor, 1, None).items
    return found[0] if found else None


def reward(purchase: CoinPurchase) -> None:
    """Give the buyer of a paid purchase the code that its pack earns, if any, in the caller's transaction."""
    rows = query("SELECT reward_percent_off FROM coin_packs WHERE id = %s", (purchase.coin_pack_id,))
    percent = rows[0][0] if rows else None
    if percent is None:
        return
    ends_at = clock.now() + REWARD_LIVES
    row = (new_id(), made_up("STAR"), percent, purchase.user_id, purchase.id, ends_at, clock.now())
    for (code,) in query(_REWARD, row):
        body = f"{code}: {percent} % off your next coins, until {ends_at:%d %B %Y}."
        data = {"code": code, "percentOff": percent, "purchaseId": str(purchase.id)}
        notifications.notify(purchase.user_id, Kind.PAYMENT, "You earned a discount code", body, data)


def allow_reward(purchase_id: UUID, *, allowed: bool) -> None:
    """Withdraw the code that a purchase earned while its money is not ours, or give it back."""
    query("UPDATE discount_codes SET is_active = %s WHERE earned_by_id = %s", (allowed, purchase_id))


def made_up(prefix: str) -> str:
    """A code that nobody guesses."""
    return f"{prefix}-{''.join(secrets.choice(ALPHABET) for _ in range(10))}"


def _kind(draft: DiscountDraft) -> DiscountKind:
    if (draft.percent_off is None) == (draft.bonus_coins is None):
        raise Invalid.field("percentOff", "or bonusCoins must be given, and not both")
    kind = DiscountKind.PERCENT if draft.percent_off is not None else DiscountKind.BONUS
    if draft.kind not in (None, kind):
        raise Invalid.field("kind", f"does not go with {'percentOff' if draft.percent_off else 'bonusCoins'}")
    return kind


def _limit_to(code_id: UUID, packs: list[UUID]) -> None:
    if packs:
        rows = [{"discount_code": code_id, "coin_pack": pack} for pack in dict.fromkeys(packs)]
        DiscountCodePack.insert_many(rows).execute()


def _taken() -> ServiceError:
    return Conflict("There is such a code already.", "code_taken")


def _no_pack() -> ServiceError:
    return Invalid.field("packageIds", "names a coin pack that does not exist")


_REFUSALS: Mapping[str, Callable[[], ServiceError]] = {
    "discount_codes_code_key": _taken,
    "discount_code_packs_coin_pack_id_fkey": _no_pack,
}


def _view(row: tuple[Any, ...]) -> DiscountCodeView:
    fields = dict(zip(DiscountCodeView.__struct_fields__, row, strict=True))
    return DiscountCodeView(**fields | {"kind": DiscountKind(fields["kind"])})


_CODE = """
SELECT d.id, d.code, d.kind, d.percent_off, d.bonus_coins,
       ARRAY(SELECT coin_pack_id FROM discount_code_packs p WHERE p.discount_code_id = d.id ORDER BY 1),
       d.starts_at, d.ends_at, d.max_uses, d.max_uses_per_user, d.uses, d.is_active, d.owner_id, d.created_at
FROM discount_codes d"""
_MINE = f"{_CODE} WHERE d.owner_id = %s AND d.id < %s ORDER BY d.id DESC LIMIT %s"

_REWARD = """
INSERT INTO discount_codes
    (id, code, kind, percent_off, owner_id, earned_by_id, ends_at, max_uses, created_at)
SELECT id, code, 'percent', percent_off, owner_id, earned_by_id, ends_at, 1, at
FROM (VALUES (%s::uuid, %s, %s::integer, %s::uuid, %s::uuid, %s::timestamptz, %s::timestamptz))
     AS made (id, code, percent_off, owner_id, earned_by_id, ends_at, at)
ON CONFLICT ON CONSTRAINT discount_codes_earned_key DO NOTHING RETURNING code"""
