"""Subscribing by card: an order that waits for the provider's checkout, or one taken up again."""

from collections.abc import Mapping

from db.connection import acting_as_system, release
from db.models.subscriptions import Subscription
from db.transactions import atomic
from services import subscription_news
from services.actors import Actor
from services.checkout import away, return_url
from services.gateways.payments.interface import CheckoutSession, PlanOrder, ProviderAway
from services.payment_providers import payment_providers
from services.subscription_orders import Started, SubscriptionOrder
from services.subscription_states import WRITTEN_BY, drop_pending, refuse_lower, running_of, sync
from services.subscription_views import SubscriptionStatus, subscription
from services.tiers import PaymentMethod, Tier, month_of


def subscribe_by_card(actor: Actor, order: SubscriptionOrder, streamer: str) -> Started:
    payment_providers.named(order.provider)
    urls = (
        return_url("successUrl", order.success_url, "/subscriptions/success"),
        return_url("cancelUrl", order.cancel_url, "/subscriptions/cancel"),
    )
    with acting_as_system(WRITTEN_BY), atomic():
        running = running_of(actor.user_id, order.streamer_id)
        if running is not None and _resumed_by_card(running, order.tier):
            return Started(subscription(running.id), None)
        pending = _pending(actor, order)
    if pending.checkout_url is None:
        _open(pending, order, f"{streamer}: {order.tier} subscription", urls)
    found = subscription(pending.id)
    return Started(found, Subscription.get_by_id(found.id).checkout_url)


def _resumed_by_card(running: Subscription, tier: Tier) -> bool:
    """Whether the running one only had to be taken up again; raises Conflict where it is in the way."""
    refuse_lower(running, tier)
    if running.tier != tier or running.payment_method != PaymentMethod.CARD:
        return False
    running.status, running.cancelled_at = SubscriptionStatus.ACTIVE, None
    running.save()
    sync(running)
    subscription_news.tell_changed(running)
    return True


def _pending(actor: Actor, order: SubscriptionOrder) -> Subscription:
    """The order that waits for the same thing, or a new one; others of the pair are dropped."""
    price = month_of(order.tier, PaymentMethod.CARD)
    same: Mapping[str, object] = {
        "tier": order.tier,
        "provider": order.provider,
        "price": price.amount,
        "currency": price.currency,
    }
    waiting = drop_pending(actor.user_id, order.streamer_id, keep=same)
    return waiting or Subscription.create(
        subscriber=actor.user_id, streamer=order.streamer_id, payment_method=PaymentMethod.CARD, **same
    )


def _open(pending: Subscription, order: SubscriptionOrder, title: str, urls: tuple[str, str]) -> None:
    session = _session(
        order.provider,
        PlanOrder(
            subscription_id=pending.id,
            title=title,
            price=pending.price,
            currency=pending.currency,
            success_url=urls[0],
            cancel_url=urls[1],
        ),
    )
    opened = Subscription.update(session=session.session, checkout_url=session.url)
    with acting_as_system(WRITTEN_BY):
        opened.where(Subscription.id == pending.id).execute()


def _session(provider: str, order: PlanOrder) -> CheckoutSession:
    release()
    try:
        return payment_providers.named(provider).create_plan(order)
    except ProviderAway as error:
        raise away("the subscription is kept, try again") from error
