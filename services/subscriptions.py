"""Subscribing to a streamer: beginning, upgrading, resuming and cancelling.

An upgrade by coins costs the difference of the two prices for what is left of the month, and keeps
its end. An upgrade by card begins a new month at the new price once it is paid; what was left of
the old one is added to the end, in the proportion of the two tiers' prices. Either way pays for a
subscription that was paid the other way as well.
"""

from uuid import UUID

from db.connection import acting_as_system, query
from db.models.subscriptions import Subscription
from db.transactions import atomic
from services import clock, subscription_news, subscription_payments
from services.actors import Actor
from services.billing_months import months_after, prorated
from services.card_subscriptions import subscribe_by_card
from services.errors import Conflict, Forbidden, Invalid, NotFound
from services.refusals import translating
from services.separation import is_blocked
from services.subscription_orders import Started, SubscriptionOrder
from services.subscription_states import (
    REFUSALS,
    WRITTEN_BY,
    drop_pending,
    end,
    left_s,
    mark_cancelled,
    refuse_lower,
    running_of,
    sync,
)
from services.subscription_views import SubscriptionStatus, SubscriptionView, subscription
from services.tiers import PaymentMethod, Tier, coins_of, month_of


def subscribe(actor: Actor, order: SubscriptionOrder) -> Started:
    """Begin, upgrade or resume a subscription.

    Raises Invalid, NotFound, Forbidden (blocked), Conflict (`already_subscribed`,
    `insufficient_coins`, `wallet_frozen`), Unavailable where the provider is away. Must not be
    called inside a transaction.
    """
    if order.streamer_id == actor.user_id:
        raise Invalid.field("streamerId", "must not be yourself", "subscription_to_oneself")
    streamer = _streamer(actor, order.streamer_id)
    if order.payment_method is PaymentMethod.CARD:
        return subscribe_by_card(actor, order, streamer)
    with acting_as_system(WRITTEN_BY), translating(REFUSALS), atomic():
        subscription_id = _by_coins(actor, order)
    return Started(subscription(subscription_id), None)


def cancel(actor: Actor, subscription_id: UUID) -> SubscriptionView:
    """Renew no more; it runs to its end. Again changes nothing.

    Raises NotFound for an unknown one or somebody else's, Conflict for one that is over.
    """
    with acting_as_system(WRITTEN_BY), atomic():
        found = Subscription.select().where(Subscription.id == subscription_id).for_update().get_or_none()
        if found is None or not (actor.user_id == found.subscriber_id or actor.is_admin):
            raise NotFound("No such subscription.")
        if found.status == SubscriptionStatus.EXPIRED:
            raise Conflict("The subscription is over.", "subscription_over")
        if found.status == SubscriptionStatus.PENDING:
            end(found)
        elif found.status == SubscriptionStatus.ACTIVE:
            mark_cancelled(found)
            sync(found)
    return subscription(subscription_id)


def _by_coins(actor: Actor, order: SubscriptionOrder) -> UUID:
    running = running_of(actor.user_id, order.streamer_id)
    drop_pending(actor.user_id, order.streamer_id)
    if running is None:
        return _begin(actor, order)
    refuse_lower(running, order.tier)
    if running.payment_method == PaymentMethod.CARD:
        taken_over = _take_over(running)
        return _upgrade(taken_over, order.tier)
    return _upgrade(running, order.tier)


def _begin(actor: Actor, order: SubscriptionOrder) -> UUID:
    price, at = month_of(order.tier, PaymentMethod.COINS), clock.now()
    begun = Subscription.create(
        subscriber=actor.user_id,
        streamer=order.streamer_id,
        tier=order.tier,
        payment_method=PaymentMethod.COINS,
        price=price.amount,
        currency=price.currency,
        status=SubscriptionStatus.ACTIVE,
        anchor_at=at,
        periods=1,
        started_at=at,
        expires_at=months_after(at, 1),
    )
    subscription_payments.charge_coins(begun, price.amount, key="period:1", period_ends_at=begun.expires_at)
    subscription_news.tell_begun(begun)
    return UUID(str(begun.id))


def _take_over(running: Subscription) -> Subscription:
    """The same paid time, to be renewed by coins; the card is charged no more."""
    end(running)
    price = month_of(Tier(running.tier), PaymentMethod.COINS)
    return Subscription.create(
        subscriber=running.subscriber_id,
        streamer=running.streamer_id,
        tier=running.tier,
        payment_method=PaymentMethod.COINS,
        price=price.amount,
        currency=price.currency,
        status=SubscriptionStatus.ACTIVE,
        anchor_at=running.expires_at,
        periods=0,
        started_at=running.started_at,
        expires_at=running.expires_at,
    )


def _upgrade(running: Subscription, tier: Tier) -> UUID:
    """Pay the difference for what is left of the month; of the same tier, merely go on."""
    before, price = Tier(running.tier), month_of(tier, PaymentMethod.COINS)
    running.tier, running.price, running.currency = tier, price.amount, price.currency
    running.status, running.cancelled_at, running.warned_at = SubscriptionStatus.ACTIVE, None, None
    running.save()
    if tier is not before:
        difference = coins_of(tier) - coins_of(before)
        whole_s = (running.expires_at - months_after(running.expires_at, -1)).total_seconds()
        coins = prorated(difference, left_s(running), whole_s)
        key = f"upgrade:{running.periods}:{tier}"
        subscription_payments.charge_coins(running, coins, key=key, period_ends_at=running.expires_at)
        subscription_news.tell_upgraded(running)
    return UUID(str(running.id))


def _streamer(actor: Actor, streamer_id: UUID) -> str:
    """The name of a streamer who can be subscribed to; raises NotFound, Forbidden."""
    rows = query(_STREAMER, (streamer_id,))
    if not rows:
        raise NotFound("No such streamer.", "streamer_not_found")
    if is_blocked(actor.user_id, streamer_id):
        raise Forbidden("You cannot subscribe to this streamer.", "blocked")
    return str(rows[0][0])


_STREAMER = """
SELECT u.username FROM users u JOIN channels c ON c.user_id = u.id
WHERE u.id = %s AND u.suspended_at IS NULL"""
