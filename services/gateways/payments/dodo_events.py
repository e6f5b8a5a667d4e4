"""What Dodo Payments' events mean (https://docs.dodopayments.com/developer-resources/webhooks).

Money of a subscription comes as a payment that names it and the period paid for; the events of the
subscription itself only open and end it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import msgspec

from services.gateways.payments.interface import (
    DisputeClosed,
    DisputeOpened,
    MalformedEvent,
    PaymentEvent,
    PaymentFailed,
    PaymentRefunded,
    PaymentSucceeded,
    PlanCheckoutOver,
    PlanEnding,
    PlanOpened,
    PlanOver,
    PlanPaid,
    PlanUnpaid,
    Unhandled,
)
from services.gateways.payments.wire import decode, our_id

PURCHASE, SUBSCRIPTION = "purchaseId", "subscriptionId"
#: For a payment that does not say what it is for: the shortest month.
A_MONTH = timedelta(days=28)
EVERYTHING = 2**31 - 1


class _Period(msgspec.Struct):
    subscription_id: str
    ends_at: datetime


class Payment(msgspec.Struct):
    """A payment, as far as it matters here."""

    payment_id: str
    total_amount: int
    currency: str
    created_at: datetime
    metadata: dict[str, str] = {}
    checkout_session_id: str | None = None
    subscription_id: str | None = None
    service_periods: list[_Period] = []

    @property
    def purchase_id(self) -> UUID | None:
        return our_id(self.metadata.get(PURCHASE))

    @property
    def of_subscription(self) -> UUID | None:
        return our_id(self.metadata.get(SUBSCRIPTION))

    @property
    def paid_until(self) -> datetime:
        """The end of the latest period that it pays for."""
        ends = [period.ends_at for period in self.service_periods if period.subscription_id == self.subscription_id]
        return max(ends, default=self.created_at + A_MONTH)


class _Subscription(msgspec.Struct):
    subscription_id: str
    metadata: dict[str, str] = {}
    cancel_at_next_billing_date: bool = False

    @property
    def reference(self) -> UUID | None:
        return our_id(self.metadata.get(SUBSCRIPTION))


class _Refund(msgspec.Struct):
    refund_id: str
    payment_id: str
    is_partial: bool = False
    amount: int | None = None


class _Dispute(msgspec.Struct):
    dispute_id: str
    payment_id: str
    dispute_stage: str = "dispute"


class Event(msgspec.Struct):
    """The outside of an event."""

    type: str
    data: msgspec.Raw = msgspec.Raw(b"{}")


def handles(kind: str) -> bool:
    """Whether anything can follow from events of this kind."""
    return kind in _READERS


def read(payload: str) -> PaymentEvent:
    """What a verified event means; raises MalformedEvent."""
    event = decode(payload, Event)
    reader = _READERS.get(event.type)
    return reader(event.data) if reader else Unhandled(f"nothing follows from {event.type}")


def _paid(raw: msgspec.Raw) -> PaymentEvent:
    payment = decode(raw, Payment)
    if payment.subscription_id is not None:
        return _month_paid(payment, payment.subscription_id)
    if payment.purchase_id is None:
        return Unhandled("the payment is not of a purchase made here")
    return PaymentSucceeded(
        purchase_id=payment.purchase_id,
        session=payment.checkout_session_id or payment.payment_id,
        payment=payment.payment_id,
        amount=payment.total_amount,
        currency=payment.currency.upper(),
    )


def _month_paid(payment: Payment, plan: str) -> PaymentEvent:
    if payment.total_amount <= 0:
        return Unhandled("no money moved")
    return PlanPaid(
        subscription_id=payment.of_subscription,
        plan=plan,
        invoice=payment.payment_id,
        payment=payment.payment_id,
        amount=payment.total_amount,
        currency=payment.currency.upper(),
        paid_until=payment.paid_until,
    )


def _not_paid(raw: msgspec.Raw) -> PaymentEvent:
    payment = decode(raw, Payment)
    if payment.subscription_id is not None:
        return PlanUnpaid(payment.of_subscription, payment.subscription_id)
    if payment.purchase_id is None:
        return Unhandled("the payment is not of a purchase made here")
    return PaymentFailed(payment.purchase_id, payment.payment_id)


def _refunded(raw: msgspec.Raw) -> PaymentEvent:
    refund = decode(raw, _Refund)
    if refund.amount is None and refund.is_partial:
        raise MalformedEvent("a partial refund without an amount")
    return PaymentRefunded(refund.payment_id, refund.amount or EVERYTHING, None, refund.refund_id)


def _disputed(raw: msgspec.Raw) -> PaymentEvent:
    dispute = decode(raw, _Dispute)
    if dispute.dispute_stage == "pre_dispute":
        return Unhandled("an inquiry moves no money")
    return DisputeOpened(dispute.payment_id, dispute.dispute_id)


def _decided(raw: msgspec.Raw, *, won: bool) -> PaymentEvent:
    dispute = decode(raw, _Dispute)
    if dispute.dispute_stage == "pre_dispute":
        return Unhandled("an inquiry moves no money")
    return DisputeClosed(dispute.payment_id, dispute.dispute_id, won=won)


def _opened(raw: msgspec.Raw) -> PaymentEvent:
    subscription = decode(raw, _Subscription)
    if subscription.reference is None:
        return Unhandled("the subscription was not made here")
    return PlanOpened(subscription.reference, subscription.subscription_id)


def _never_began(raw: msgspec.Raw) -> PaymentEvent:
    reference = decode(raw, _Subscription).reference
    return PlanCheckoutOver(reference) if reference else Unhandled("the subscription was not made here")


def _unpaid(raw: msgspec.Raw) -> PaymentEvent:
    subscription = decode(raw, _Subscription)
    return PlanUnpaid(subscription.reference, subscription.subscription_id)


def _changed(raw: msgspec.Raw) -> PaymentEvent:
    subscription = decode(raw, _Subscription)
    if subscription.cancel_at_next_billing_date:
        return PlanEnding(subscription.reference, subscription.subscription_id)
    return Unhandled("a subscription that goes on waits for its payment")


def _over(raw: msgspec.Raw) -> PaymentEvent:
    subscription = decode(raw, _Subscription)
    return PlanOver(subscription.reference, subscription.subscription_id)


_won, _lost = partial(_decided, won=True), partial(_decided, won=False)
_READERS: Mapping[str, Callable[[msgspec.Raw], PaymentEvent]] = {
    "payment.succeeded": _paid,
    "payment.failed": _not_paid,
    "payment.cancelled": _not_paid,
    "refund.succeeded": _refunded,
    "dispute.opened": _disputed,
    "dispute.won": _won,
    "dispute.cancelled": _won,
    "dispute.lost": _lost,
    "dispute.accepted": _lost,
    "dispute.expired": _lost,
    "subscription.active": _opened,
    "subscription.failed": _never_began,
    "subscription.on_hold": _unpaid,
    "subscription.past_due": _unpaid,
    "subscription.updated": _changed,
    "subscription.cancelled": _over,
    "subscription.expired": _over,
}
