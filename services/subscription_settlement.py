"""What providers tell of subscriptions: months paid or not, ends, refunds; each settled once, in any order.

Only a paid invoice begins or prolongs a subscription. An event about one that is over changes
nothing; money for it is parked for a person to look at, and the provider is told to stop.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from db.models.subscriptions import Subscription, SubscriptionPayment
from services import clock, subscription_news, subscription_payments
from services.gateways.payments.interface import (
    PlanCheckoutOver,
    PlanEnding,
    PlanEvent,
    PlanOpened,
    PlanOver,
    PlanPaid,
    PlanPaymentNamed,
    PlanUnpaid,
)
from services.purchases import CHANGED, NotYet, PaymentMismatch, Settlement
from services.subscription_states import end, left_s, mark_cancelled, running_of, sync
from services.subscription_views import SubscriptionStatus
from services.tiers import Tier, coins_of


def settle(event: PlanEvent, provider: str) -> Settlement:
    """Settle an event, in the caller's transaction; raises NotYet, PaymentMismatch."""
    return _SETTLERS[type(event)](event, provider)


def _opened(event: PlanOpened, provider: str) -> Settlement:
    found = _locked(event, provider)
    if found is None:
        return _ignored("no such subscription")
    if found.provider_subscription is not None:
        return _ignored("the subscription is known already")
    found.provider_subscription = event.plan
    found.save()
    if found.status == SubscriptionStatus.EXPIRED:
        sync(found)
    return CHANGED


def _checkout_over(event: PlanCheckoutOver, provider: str) -> Settlement:
    found = _locked(event, provider)
    if found is None or found.status != SubscriptionStatus.PENDING:
        return _ignored("no checkout of it waits")
    end(found)
    return CHANGED


def _paid(event: PlanPaid, provider: str) -> Settlement:
    found = _locked(event, provider)
    if found is None:
        return _ignored("no such subscription")
    if subscription_payments.is_booked(provider, event.invoice):
        return _ignored("the invoice is settled already")
    _match(found, event)
    found.provider_subscription = event.plan
    if found.status == SubscriptionStatus.PENDING:
        _begin(found, event)
    else:
        _prolong(found, event)
    subscription_payments.book_money(found, event, provider)
    return CHANGED


def _begin(found: Subscription, event: PlanPaid) -> None:
    """Begin the paid month; what the pair's running subscription had left is added to its end."""
    running = running_of(found.subscriber_id, found.streamer_id)
    if running is not None:
        weight = coins_of(Tier(running.tier)) / coins_of(Tier(found.tier))
        found.carried_s = int(left_s(running) * weight)
        end(running)
    found.status, found.periods = SubscriptionStatus.ACTIVE, 1
    found.started_at = found.anchor_at = clock.now()
    found.expires_at = event.paid_until + timedelta(seconds=found.carried_s)
    found.save()
    if running is None:
        subscription_news.tell_begun(found)
    else:
        subscription_news.tell_upgraded(found)


def _prolong(found: Subscription, event: PlanPaid) -> None:
    """Run to the end of the paid month; a cancelled one stays cancelled."""
    found.expires_at = max(found.expires_at, event.paid_until + timedelta(seconds=found.carried_s))
    found.periods, found.past_due_at = found.periods + 1, None
    found.save()
    subscription_news.tell_renewed(found)


def _payment_named(event: PlanPaymentNamed, provider: str) -> Settlement:
    month = _month((SubscriptionPayment.invoice == event.invoice), provider)
    if month is None:
        raise NotYet("the invoice has not been settled")
    if month.payment is not None:
        return _ignored("the payment is known already")
    month.payment = event.payment
    month.save()
    return CHANGED


def _unpaid(event: PlanUnpaid, provider: str) -> Settlement:
    found = _locked(event, provider)
    if found is None or found.status != SubscriptionStatus.ACTIVE:
        return _ignored("no such subscription runs")
    if found.past_due_at is not None:
        return _ignored("it is known to be unpaid")
    if left_s(found) > _A_DAY_S:
        return _ignored("the month is paid")
    found.past_due_at = clock.now()
    found.save()
    subscription_news.tell_unpaid(found)
    return CHANGED


def _ending(event: PlanEnding, provider: str) -> Settlement:
    found = _locked(event, provider)
    if found is None or found.status in (SubscriptionStatus.CANCELLED, SubscriptionStatus.EXPIRED):
        return _ignored("it ends already")
    if found.status == SubscriptionStatus.PENDING:
        raise NotYet("the subscription has not begun")
    mark_cancelled(found)
    return CHANGED


def _over(event: PlanOver, provider: str) -> Settlement:
    """What is paid runs to its end; what is not is over at once."""
    found = _locked(event, provider)
    if found is None or found.status == SubscriptionStatus.EXPIRED:
        return _ignored("it is over already")
    if found.status == SubscriptionStatus.CANCELLED and left_s(found) > 0:
        return _ignored("it ends already")
    found.provider_subscription = event.plan
    if found.status == SubscriptionStatus.ACTIVE and left_s(found) > 0:
        mark_cancelled(found)
        return CHANGED
    had_begun = found.started_at is not None
    end(found)
    if had_begun:
        subscription_news.tell_ended(found, "It could not be renewed.")
    return CHANGED


def _match(found: Subscription, event: PlanPaid) -> None:
    if found.status == SubscriptionStatus.EXPIRED:
        raise PaymentMismatch(f"{event.amount} {event.currency} were paid for a subscription that is over")
    if event.currency != found.currency or event.amount < found.price:
        raise PaymentMismatch(f"a month is {found.price} {found.currency}, was paid {event.amount} {event.currency}")


def _locked(event: Any, provider: str) -> Subscription | None:
    """The subscription that an event names, by our id or the provider's, with its pair locked."""
    named = Subscription.id == event.subscription_id
    if not isinstance(event, PlanCheckoutOver):
        named = named | (Subscription.provider_subscription == event.plan)
    found = Subscription.get_or_none(named, Subscription.provider == provider)
    if found is None:
        return None
    running_of(found.subscriber_id, found.streamer_id)
    return Subscription.select().where(Subscription.id == found.id).for_update().get()


def _month(condition: object, provider: str) -> SubscriptionPayment | None:
    months = SubscriptionPayment.select().where(condition, SubscriptionPayment.provider == provider)
    return months.for_update().get_or_none()


def _ignored(note: str) -> Settlement:
    return Settlement(changed=False, note=note)


_A_DAY_S = 24 * 3600
_SETTLERS: Mapping[type, Callable[[Any, str], Settlement]] = {
    PlanOpened: _opened,
    PlanCheckoutOver: _checkout_over,
    PlanPaid: _paid,
    PlanPaymentNamed: _payment_named,
    PlanUnpaid: _unpaid,
    PlanEnding: _ending,
    PlanOver: _over,
}
