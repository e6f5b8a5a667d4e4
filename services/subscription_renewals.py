"""Time passing over subscriptions: renewed from wallets, ended, and people warned before.

Run every few minutes, by two schedulers at once if need be: each row is taken under its lock by
whoever comes first, and a month is charged once by its number. A renewal that comes so late that
the days in between were not served begins a new month at that moment.
"""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import structlog

from db.connection import query
from db.models.subscriptions import Subscription
from db.transactions import atomic
from services import clock, ledger, subscription_news, subscription_payments
from services.billing_months import months_after
from services.bus import bus
from services.errors import Conflict, Unavailable
from services.gateways.payments.interface import ProviderAway, ProviderRefused
from services.payment_providers import payment_providers
from services.refusals import translating
from services.separation import is_blocked
from services.subscription_states import end
from services.subscription_views import RUNNING, SubscriptionStatus
from services.tiers import PaymentMethod, Tier, month_of

log = structlog.get_logger(__name__)

WARNED_BEFORE = timedelta(days=3)
#: A checkout is open for a day; an hour more for its last event to arrive.
PENDING_FOR = timedelta(hours=25)
BATCH = 200


def renew_and_end() -> int:
    """Settle everything whose time has come; returns how many subscriptions changed."""
    changed = sum(_settle(subscription_id) for subscription_id in _due())
    with atomic():
        for subscription_id in _short():
            _warn(subscription_id)
    return changed


def sync_with_provider(subscription_id: UUID) -> None:
    """Have the provider charge on, charge no more or end, as the subscription stands here.

    Raises Unavailable where the provider is away. What it refuses for good is logged: it will say
    by an event where the subscription stands.
    """
    found = Subscription.get_by_id(subscription_id)
    if found.provider_subscription is None:
        return
    provider = payment_providers.named(str(found.provider))
    try:
        if found.status == SubscriptionStatus.EXPIRED:
            provider.end_plan(found.provider_subscription)
        else:
            ends = found.status == SubscriptionStatus.CANCELLED
            provider.set_plan_ending(found.provider_subscription, ends=ends)
    except ProviderAway as error:
        raise Unavailable(f"The payment provider is away: {error}") from error
    except ProviderRefused as error:
        log.warning("subscription_not_synced", subscription=str(subscription_id), error=str(error))


def _due() -> Iterator[UUID]:
    """Ids whose time has come, a batch at a time, until none is left that was not tried."""
    after = UUID(int=0)
    while True:
        now = clock.now()
        grace = timedelta(seconds=bus.settings.subscription_grace_s)
        rows = query(_DUE, {"now": now, "unpaid": now - grace, "abandoned": now - PENDING_FOR, "after": after})
        if not rows:
            return
        for (after,) in rows:
            yield after


def _settle(subscription_id: UUID) -> bool:
    """Renew or end one; False where somebody else is at it, or it is no longer due."""
    with atomic():
        open_ones = Subscription.select().where(
            Subscription.id == subscription_id, Subscription.status != SubscriptionStatus.EXPIRED
        )
        found = open_ones.for_update(skip_locked=True).get_or_none()
        if found is None:
            return False
        if found.status in RUNNING and found.expires_at > clock.now():
            return False
        if found.status == SubscriptionStatus.ACTIVE and found.payment_method == PaymentMethod.COINS:
            _renew_or_end(found)
        else:
            _end(found, "It could not be renewed." if found.status == SubscriptionStatus.ACTIVE else "")
    return True


def _renew_or_end(found: Subscription) -> None:
    if query(_UNFIT, (found.subscriber_id, found.streamer_id)) or is_blocked(found.subscriber_id, found.streamer_id):
        _end(found, "It cannot be renewed.")
        return
    try:
        with translating(ledger.REFUSALS), atomic():
            _renew(found)
    except Conflict as refusal:
        _end(Subscription.get_by_id(found.id), f"It was not renewed: {refusal.message}")


def _renew(found: Subscription) -> None:
    price = month_of(Tier(found.tier), PaymentMethod.COINS)
    late = clock.now() - found.expires_at
    if late > timedelta(seconds=bus.settings.subscription_grace_s):
        found.anchor_at, found.periods = clock.now(), 0
    found.periods += 1
    found.expires_at = months_after(found.anchor_at, found.periods)
    found.price, found.warned_at = price.amount, None
    found.save()
    key = f"period:{found.anchor_at:%Y%m%dT%H%M%S}:{found.periods}"
    subscription_payments.charge_coins(found, price.amount, key=key, period_ends_at=found.expires_at)
    subscription_news.tell_renewed(found)


def _end(found: Subscription, why: str) -> None:
    had_begun = found.started_at is not None
    end(found)
    if had_begun:
        subscription_news.tell_ended(found, why)


def _short() -> list[UUID]:
    """Those that are renewed soon from a wallet that does not hold enough, and were not warned of it."""
    now = clock.now()
    return [row[0] for row in query(_SHORT, {"now": now, "soon": now + WARNED_BEFORE, "batch": BATCH})]


def _warn(subscription_id: UUID) -> None:
    found = Subscription.get_by_id(subscription_id)
    found.warned_at = clock.now()
    found.save()
    subscription_news.tell_short(found)


_DUE = f"""
SELECT id FROM subscriptions
WHERE id > %(after)s AND (
    (status = 'cancelled' AND expires_at <= %(now)s)
    OR (status = 'active' AND payment_method = 'coins' AND expires_at <= %(now)s)
    OR (status = 'active' AND payment_method = 'card' AND expires_at <= %(unpaid)s)
    OR (status = 'pending' AND created_at <= %(abandoned)s))
ORDER BY id LIMIT {BATCH}"""  # noqa: S608 - built from constants

_SHORT = """
SELECT s.id FROM subscriptions s
LEFT JOIN accounts_ledger w ON w.owner_id = s.subscriber_id AND w.kind = 'WALLET' AND w.currency = 'COIN'
WHERE s.status = 'active' AND s.payment_method = 'coins' AND s.warned_at IS NULL
  AND s.expires_at > %(now)s AND s.expires_at <= %(soon)s AND coalesce(w.balance, 0) < s.price
ORDER BY s.expires_at LIMIT %(batch)s FOR UPDATE OF s SKIP LOCKED"""

_UNFIT = """
SELECT 1 FROM users WHERE id IN (%s, %s) AND suspended_at IS NOT NULL LIMIT 1"""
