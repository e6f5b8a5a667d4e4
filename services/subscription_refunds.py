"""Months of subscriptions whose money goes back: refunded by us, or disputed at the payer's bank.

The books follow the money. A month that is wholly taken back ends its subscription at once; a
dispute that is won brings the money back to the books, and revives nothing.
"""

from db.models.subscriptions import Subscription, SubscriptionPayment
from services import subscription_news, subscription_payments
from services.gateways.payments.interface import DisputeClosed, DisputeOpened, PaymentRefunded
from services.ledger import TransactionKind
from services.purchases import CHANGED, NotYet, Settlement, refunded_in_all
from services.subscription_states import end
from services.subscription_views import RUNNING

Returned = PaymentRefunded | DisputeOpened | DisputeClosed
PAID, DISPUTED, REFUNDED = "paid", "disputed", "refunded"


def settle(event: Returned, provider: str) -> Settlement | None:
    """Settle an event about a month of a subscription; None where the payment was for something else."""
    found = SubscriptionPayment.get_or_none(
        SubscriptionPayment.payment == event.payment, SubscriptionPayment.provider == provider
    )
    if found is None:
        return None
    subscription = Subscription.select().where(Subscription.id == found.subscription_id).for_update().get()
    month = SubscriptionPayment.select().where(SubscriptionPayment.id == found.id).for_update().get()
    match event:
        case PaymentRefunded():
            return _refunded(month, subscription, event)
        case DisputeOpened():
            return _disputed(month, subscription, event)
        case DisputeClosed():
            return _decided(month, subscription, event)


def _refunded(month: SubscriptionPayment, subscription: Subscription, event: PaymentRefunded) -> Settlement:
    refunded = refunded_in_all(event, month, month.amount)
    delta = refunded - month.refunded_amount
    if delta <= 0 or month.status == REFUNDED:
        return _ignored(f"the month is {month.status}, {month.refunded_amount} of it refunded")
    if month.status == PAID:
        _move(month, subscription, TransactionKind.REFUND, delta, f"refund:{refunded}")
    month.refunded_amount = refunded
    if refunded == month.amount:
        month.status = REFUNDED
        _end(subscription)
    month.save()
    return CHANGED


def _disputed(month: SubscriptionPayment, subscription: Subscription, event: DisputeOpened) -> Settlement:
    if month.status != PAID:
        return _ignored(f"the month is {month.status}")
    held = month.amount - month.refunded_amount
    _move(month, subscription, TransactionKind.DISPUTE, held, f"dispute:{event.dispute}")
    month.status = DISPUTED
    month.save()
    _end(subscription)
    return CHANGED


def _decided(month: SubscriptionPayment, subscription: Subscription, event: DisputeClosed) -> Settlement:
    if month.status == PAID:
        raise NotYet("the dispute has not been opened")
    if month.status != DISPUTED:
        return _ignored(f"the month is {month.status}")
    if event.won:
        held = month.amount - month.refunded_amount
        _move(month, subscription, TransactionKind.DISPUTE_WON, -held, f"dispute_won:{event.dispute}")
        month.status = PAID
    else:
        month.status, month.refunded_amount = REFUNDED, month.amount
    month.save()
    return CHANGED


def _move(
    month: SubscriptionPayment, subscription: Subscription, kind: TransactionKind, amount: int, what: str
) -> None:
    if amount:
        subscription_payments.take_back(month, subscription.streamer_id, kind, amount, what)


def _end(subscription: Subscription) -> None:
    if subscription.status in RUNNING:
        end(subscription)
        subscription_news.tell_ended(subscription, "Its payment was taken back.")


def _ignored(note: str) -> Settlement:
    return Settlement(changed=False, note=note)
