"""Buying coins: the purchase is written down before the provider hears of it."""

from datetime import datetime
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from db.connection import query, release
from db.models.coin_purchases import CoinPurchase
from services import clock
from services.actors import Actor
from services.bus import bus
from services.coin_packs import CoinPackView, pack_on_sale
from services.errors import Invalid, Unavailable
from services.gateways.payments.interface import CheckoutOrder, CheckoutSession, PaymentProvider, ProviderAway
from services.pages import Page, cut, decode_cursor
from services.payment_providers import payment_providers
from services.purchases import PurchaseStatus
from settings import Settings

RETRY_AFTER_S = 5


Url = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]


class PurchaseOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What somebody wants to buy (`packageId` is another spelling), and where they are sent afterwards."""

    coin_pack_id: UUID | None = None
    package_id: UUID | None = None
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


def start_purchase(actor: Actor, order: PurchaseOrder) -> Checkout:
    """Write a pending purchase, then open the provider's checkout for it.

    Raises Invalid, or Unavailable where the provider is away: the purchase then stays pending,
    and the same order later takes it up again. Must not be called inside a transaction.
    """
    provider = payment_providers.named(order.provider)
    pack = _pack(order)
    success_url = _return_url("successUrl", order.success_url, "/payment/success")
    cancel_url = _return_url("cancelUrl", order.cancel_url, "/payment/cancel")
    purchase_id = _taken_up(actor, pack, order.provider, success_url, cancel_url) or _written(
        actor, pack, order.provider, success_url, cancel_url
    )
    session = _session(
        provider,
        CheckoutOrder(
            purchase_id=purchase_id,
            title=f"{pack.coins} AstroTV coins",
            price=pack.price,
            currency=pack.currency,
            success_url=success_url,
            cancel_url=cancel_url,
        ),
    )
    return Checkout(
        purchase_id=purchase_id,
        checkout_url=session.url,
        session_id=session.session,
        provider=provider.name,
        price=pack.price,
        currency=pack.currency,
        coins=pack.coins,
        bonus_coins=0,
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


def _session(provider: PaymentProvider, order: CheckoutOrder) -> CheckoutSession:
    release()
    try:
        session = provider.create_checkout(order)
    except ProviderAway as error:
        CoinPurchase.update(unavailable_at=clock.now()).where(CoinPurchase.id == order.purchase_id).execute()
        raise Unavailable(
            "The payment provider is away; the purchase is kept, try again.",
            "provider_unavailable",
            retry_after_s=RETRY_AFTER_S,
        ) from error
    opened = CoinPurchase.update(session=session.session, checkout_url=session.url)
    opened.where(CoinPurchase.id == order.purchase_id).execute()
    return session


def _taken_up(actor: Actor, pack: CoinPackView, provider: str, success_url: str, cancel_url: str) -> UUID | None:
    """A purchase of the same kind for which the provider was away; claimed, so that two do not share it."""
    rows = query(
        _TAKE_UP, (actor.user_id, pack.id, pack.coins, pack.price, pack.currency, provider, success_url, cancel_url)
    )
    return rows[0][0] if rows else None


def _written(actor: Actor, pack: CoinPackView, provider: str, success_url: str, cancel_url: str) -> UUID:
    purchase = CoinPurchase.create(
        user=actor.user_id,
        coin_pack=pack.id,
        coins=pack.coins,
        price=pack.price,
        currency=pack.currency,
        provider=provider,
        success_url=success_url,
        cancel_url=cancel_url,
    )
    return purchase.id


def _return_url(field: str, wanted: str | None, default_path: str) -> str:
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
    SELECT id FROM coin_purchases
    WHERE user_id = %s AND unavailable_at IS NOT NULL AND status = 'pending'
      AND (coin_pack_id, coins, price, currency, provider, success_url, cancel_url) = (%s, %s, %s, %s, %s, %s, %s)
    ORDER BY id DESC LIMIT 1 FOR UPDATE SKIP LOCKED
) RETURNING id"""

_PURCHASES = """
SELECT id, status, coin_pack_id, coins, bonus_coins, price, currency, provider,
       CASE WHEN status = 'pending' THEN checkout_url END, paid_at, created_at
FROM coin_purchases WHERE user_id = %s AND id < %s ORDER BY id DESC LIMIT %s"""
