"""Subscriptions as people see them: their own, and a streamer's."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from db.connection import query
from services import entitlements, users
from services.actors import Actor
from services.entitlements import Capabilities
from services.errors import Forbidden, NotFound
from services.pages import Page, cut, decode_cursor
from services.tiers import PaymentMethod, Tier
from services.users import PUBLIC, PUBLIC_COLUMNS, UserView, public_view


class SubscriptionStatus(StrEnum):
    """Where a subscription stands; a cancelled one runs to its end."""

    PENDING = "pending"
    ACTIVE = "active"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


RUNNING = (SubscriptionStatus.ACTIVE, SubscriptionStatus.CANCELLED)


class SubscriptionView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A subscription; `price` a month, in minor units or coins. `capabilities` is what it gives now.

    `is_past_due`: the last renewal could not be charged and is tried again.
    """

    id: UUID
    streamer: UserView
    subscriber: UserView
    tier: Tier
    status: SubscriptionStatus
    payment_method: PaymentMethod
    price: int
    currency: str
    capabilities: Capabilities
    is_past_due: bool
    started_at: datetime | None
    expires_at: datetime | None
    cancelled_at: datetime | None
    created_at: datetime


def subscription(subscription_id: UUID) -> SubscriptionView:
    """One subscription, whoever asks; raises NotFound."""
    rows = query(f"{_SUBSCRIPTION} WHERE s.id = %s", (subscription_id,))
    if not rows:
        raise NotFound("No such subscription.")
    return _view(rows[0])


def subscriptions_of(
    actor: Actor, user_id: UUID, status: SubscriptionStatus | None, limit: int, cursor: str | None
) -> Page[SubscriptionView]:
    """What a person subscribes to, newest first; raises Forbidden for somebody else's, NotFound for nobody's."""
    return _listed(_OF_SUBSCRIBER, actor, user_id, status, limit, cursor)


def subscribers_of(
    actor: Actor, streamer_id: UUID, status: SubscriptionStatus | None, limit: int, cursor: str | None
) -> Page[SubscriptionView]:
    """Who subscribes to a streamer, newest first; what was never paid is left out. Raises Forbidden, NotFound."""
    return _listed(_OF_STREAMER, actor, streamer_id, status, limit, cursor)


def _listed(
    sql: str, actor: Actor, user_id: UUID, status: SubscriptionStatus | None, limit: int, cursor: str | None
) -> Page[SubscriptionView]:
    if actor.user_id != user_id and not actor.is_admin:
        raise Forbidden("These are somebody else's subscriptions.")
    if actor.user_id != user_id:
        users.user(str(user_id))
    (before,) = decode_cursor(cursor, tuple[UUID]) if cursor else (UUID(int=2**128 - 1),)
    rows = query(sql, {"user": user_id, "before": before, "status": status, "limit": limit + 1})
    return cut(rows, limit, _view, lambda row: (row[2 * PUBLIC_COLUMNS],))


def _view(row: tuple[Any, ...]) -> SubscriptionView:
    id_, tier, status, method, price, currency, content_tier, past_due_at, *times = row[2 * PUBLIC_COLUMNS :]
    runs = Tier(tier) if SubscriptionStatus(status) in RUNNING else None
    return SubscriptionView(
        id=id_,
        streamer=public_view(row),
        subscriber=public_view(row[PUBLIC_COLUMNS:]),
        tier=Tier(tier),
        status=SubscriptionStatus(status),
        payment_method=PaymentMethod(method),
        price=price,
        currency=currency,
        capabilities=entitlements.capabilities(runs, Tier(content_tier)),
        is_past_due=past_due_at is not None,
        **dict(zip(("started_at", "expires_at", "cancelled_at", "created_at"), times, strict=True)),
    )


_SUBSCRIBER = re.sub(r"\bu\.", "w.", PUBLIC)
_SUBSCRIPTION = f"""
SELECT {PUBLIC}, {_SUBSCRIBER},
       s.id, s.tier, s.status, s.payment_method, s.price, s.currency, coalesce(k.content_tier, 'premium'),
       s.past_due_at, s.started_at, s.expires_at, s.cancelled_at, s.created_at
FROM subscriptions s JOIN users u ON u.id = s.streamer_id JOIN users w ON w.id = s.subscriber_id
LEFT JOIN channels k ON k.user_id = s.streamer_id"""  # noqa: S608 - built from constants

_PAGE = "s.id < %(before)s AND (%(status)s::text IS NULL OR s.status = %(status)s) ORDER BY s.id DESC LIMIT %(limit)s"
_OF_SUBSCRIBER = f"{_SUBSCRIPTION} WHERE s.subscriber_id = %(user)s AND {_PAGE}"
_OF_STREAMER = f"{_SUBSCRIPTION} WHERE s.streamer_id = %(user)s AND s.started_at IS NOT NULL AND {_PAGE}"
