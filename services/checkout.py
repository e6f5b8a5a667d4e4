"""Buying coins: the purchase is written down before the provider hears of it."""

from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from db.connection import acting_as_system, query, release
from db.models.coin_purchases import CoinPurchase
from db.transactions import atomic
from services import clock, discounts
from services.actors import Actor
from services.bus import bus
from services.coin_packs import CoinPackView, pack_on_sale
from services.discounts import Code
from services.errors import Invalid, Unavailable
from services.gateways.payments.interface import CheckoutOrder, CheckoutSession, PaymentProvider, ProviderAway
from services.pages import Page, cut, decode_cursor
from services.payment_providers import payment_providers
from services.purchases import PurchaseStatus
from services.refusals import translating
from settings import Settings

RETRY_AFTER_S = 5
#: Providers close a checkout after a day; one that is nearly over is not handed out again.
REOFFERED_FOR = timedelta(hours=23)
#: Why whoever buys steps up: nobody changes what they owe or have paid by themselves.
WRITTEN_BY = "a purchase is written by the platform"

Url = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]


class PurchaseOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What somebody wants to buy (`packageId` is another spelling), and where they are sent afterwards."""

    coin_pack_id: UUID | None = None
    package_id: UUID | None = None
    discount_code: Code | None = None
    provider: Annotated[str, msgspec.Meta(max_length=20)] = "stripe"
    success_url: Url | None = None
    cancel_url: Url | None = None


class Checkout(msgspec.Struct, frozen=True, rename="camel"):
    """A purchase that waits to be paid at `checkout_url`; price in minor units."""

    purchase_id: UUID
    checkout_url: str
    session_id: str
    provider: str
    price: int
    currency: str
    coins: int
    bonus_coins: int


class PurchaseView(msgspec.Struct, frozen=True, rename="camel"):
    """A purchase as its buyer sees it; price in minor units."""

    id: UUID
    status: PurchaseStatus
    coin_pack_id: UUID
    coins: int
    bonus_coins: int
    price: int
    currency: str
    provider: str
    checkout_url: str | None
    paid_at: datetime | None
    created_at: datetime


class _Intent(msgspec.Struct, frozen=True, kw_only=True):
    """An order that makes sense, priced; two that are equal may share a checkout."""

    user: UUID
    pack: CoinPackView
    price: int
    bonus_coins: int
    discount_code: str | None
    provider: str
    success_url: str
    cancel_url: str


class _Pending(msgspec.Struct, frozen=True):
    """A purchase that waits, with its checkout where one is open already."""

    id: UUID
    session: CheckoutSession | None = None


def start_purchase(actor: Actor, order: PurchaseOrder) -> Checkout:
    """Write a pending purchase, then open the provider's checkout for it.

    Raises Invalid and Conflict (also for a discount code), or Unavailable where the provider is
    away: the purchase then stays pending, and the same order later takes it up again. Must not be
    called inside a transaction.
    """
    provider = payment_providers.named(order.provider)
    intent = _intent(actor, order)
    pending = _taken_up(intent) or _written(actor, intent)
    session = pending.session or _session(provider, _checkout_order(intent, pending))
    return Checkout(
        purchase_id=pending.id,
        checkout_url=session.url,
        session_id=session.session,
        provider=provider.name,
        price=intent.price,
        currency=intent.pack.currency,
        coins=intent.pack.coins,
        bonus_coins=intent.bonus_coins,
    )


def purchases_of(actor: Actor, limit: int, cursor: str | None) -> Page[PurchaseView]:
    """The actor's purchases, newest first."""
    (before,) = decode_cursor(cursor, tuple[UUID]) if cursor else (UUID(int=2**128 - 1),)
    rows = query(_PURCHASES, (actor.user_id, before, limit + 1))
    return cut(rows, limit, lambda row: PurchaseView(row[0], PurchaseStatus(row[1]), *row[2:]), lambda row: (row[0],))


def allowed_origins(settings: Settings) -> set[str]:
    """The origins to which a provider may send somebody back."""
    return {_origin(url) for url in (settings.frontend_url, settings.public_url, *settings.cors_origins)} - {""}


def _pack(order: PurchaseOrder) -> CoinPackView:
    if order.coin_pack_id is not None and order.package_id not in (None, order.coin_pack_id):
        raise Invalid.field("packageId", "names another pack than coinPackId")
    if order.coin_pack_id is not None:
        return pack_on_sale(order.coin_pack_id, "coinPackId")
    if order.package_id is not None:
        return pack_on_sale(order.package_id, "packageId")
    raise Invalid.field("coinPackId", "is required")


def _intent(actor: Actor, order: PurchaseOrder) -> _Intent:
    pack = _pack(order)
    discount = discounts.known(actor, pack.id, order.discount_code) if order.discount_code else None
    return _Intent(
        user=actor.user_id,
        pack=pack,
        price=discount.price_of(pack) if discount else pack.price,
        bonus_coins=discount.bonus_of(pack) if discount else 0,
        discount_code=discount.code if discount else None,
        provider=order.provider,
        success_url=return_url("successUrl", order.success_url, "/payment/success"),
        cancel_url=return_url("cancelUrl", order.cancel_url, "/payment/cancel"),
    )


def _checkout_order(intent: _Intent, pending: _Pending) -> CheckoutOrder:
    return CheckoutOrder(
        purchase_id=pending.id,
        title=f"{intent.pack.coins + intent.bonus_coins} AstroTV coins",
        price=intent.price,
        currency=intent.pack.currency,
        success_url=intent.success_url,
        cancel_url=intent.cancel_url,
    )


def _session(provider: PaymentProvider, order: CheckoutOrder) -> CheckoutSession:
    release()
    try:
        session = provider.create_checkout(order)
    except ProviderAway as error:
        _note(order.purchase_id, unavailable_at=clock.now())
        raise away("the purchase is kept, try again") from error
    _note(order.purchase_id, session=session.session, checkout_url=session.url)
    return session


@acting_as_system(WRITTEN_BY)
def _note(purchase_id: UUID, **columns: object) -> None:
    CoinPurchase.update(**columns).where(CoinPurchase.id == purchase_id).execute()


def away(then: str) -> Unavailable:
    """The provider does not answer; `then` says what became of the wish."""
    return Unavailable(f"The payment provider is away; {then}.", "provider_unavailable", retry_after_s=RETRY_AFTER_S)


@acting_as_system(WRITTEN_BY)
def _taken_up(intent: _Intent) -> _Pending | None:
    """A purchase of the same kind for which the provider was away, or whose checkout holds a use of the code.

    The first kind is claimed, so that two orders do not share it.
    """
    terms = msgspec.structs.asdict(intent) | {"pack": intent.pack.id, "currency": intent.pack.currency}
    rows = query(_TAKE_UP, terms | {"coins": intent.pack.coins, "opened_since": clock.now() - REOFFERED_FOR})
    if not rows:
        return None
    [(purchase_id, session, url)] = rows
    return _Pending(purchase_id, CheckoutSession(session, url) if session else None)


@acting_as_system(WRITTEN_BY)
def _written(actor: Actor, intent: _Intent) -> _Pending:
    with translating(discounts.REFUSALS), atomic():
        purchase = CoinPurchase.create(
            user=intent.user,
            coin_pack=intent.pack.id,
            coins=intent.pack.coins,
            bonus_coins=intent.bonus_coins,
            price=intent.price,
            currency=intent.pack.currency,
            provider=intent.provider,
            success_url=intent.success_url,
            cancel_url=intent.cancel_url,
        )
        if intent.discount_code:
            discounts.redeem(actor, intent.pack.id, intent.discount_code, purchase.id)
    return _Pending(purchase.id)


def return_url(field: str, wanted: str | None, default_path: str) -> str:
    """Where the provider sends somebody back to; raises Invalid for a place that is not configured."""
    if wanted is None:
        return f"{bus.settings.frontend_url}{default_path}"
    if _origin(wanted) not in allowed_origins(bus.settings):
        raise Invalid.field(field, "must lead to an origin that is configured here")
    return wanted


def _origin(url: str) -> str:
    """Scheme, host and port of a URL in canonical spelling; empty for what has none, or hides one."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or "\\" in url:
        return ""
    return f"{parts.scheme}://{parts.hostname}:{port}"


_TAKE_UP = """
UPDATE coin_purchases SET unavailable_at = NULL WHERE id = (
    SELECT p.id FROM coin_purchases p
    LEFT JOIN discount_redemptions r ON r.purchase_id = p.id AND r.released_at IS NULL
    LEFT JOIN discount_codes d ON d.id = r.discount_code_id
    WHERE p.user_id = %(user)s AND p.status = 'pending' AND d.code IS NOT DISTINCT FROM %(discount_code)s
      AND (p.unavailable_at IS NOT NULL OR (p.session IS NOT NULL AND d.code IS NOT NULL))
      AND p.created_at > %(opened_since)s
      AND (p.coin_pack_id, p.coins, p.bonus_coins, p.price, p.currency, p.provider, p.success_url, p.cancel_url)
          = (%(pack)s, %(coins)s, %(bonus_coins)s, %(price)s, %(currency)s, %(provider)s, %(success_url)s,
             %(cancel_url)s)
    ORDER BY p.id DESC LIMIT 1 FOR UPDATE OF p SKIP LOCKED
) RETURNING id, session, checkout_url"""

_PURCHASES = """
SELECT id, status, coin_pack_id, coins, bonus_coins, price, currency, provider,
       CASE WHEN status = 'pending' THEN checkout_url END, paid_at, created_at
FROM coin_purchases WHERE user_id = %s AND id < %s ORDER BY id DESC LIMIT %s"""
