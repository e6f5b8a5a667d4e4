"""What Stripe's events mean (https://docs.stripe.com/api/events/types), whatever API version wrote them.

Since the version of March 2025 an invoice names its subscription under `parent`, its payment in an
event of its own (`invoice_payment.paid`), and a subscription's period on its items.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from services.gateways.payments.interface import (
    CheckoutExpired,
    DisputeClosed,
    DisputeOpened,
    PaymentEvent,
    PaymentFailed,
    PaymentRefunded,
    PaymentSucceeded,
    PlanCheckoutOver,
    PlanEnding,
    PlanOpened,
    PlanOver,
    PlanPaid,
    PlanPaymentNamed,
    PlanUnpaid,
    Unhandled,
)
from services.gateways.payments.wire import decode, our_id

REFERENCE = "subscriptionId"
OTHER_SHOP = Unhandled("the session is not of a purchase made here")


class _Session(msgspec.Struct):
    id: str
    mode: str = "payment"
    client_reference_id: str | None = None
    payment_intent: str | None = None
    subscription: str | None = None
    payment_status: str = "unpaid"
    amount_total: int = 0
    currency: str = ""


class _Charge(msgspec.Struct):
    amount_refunded: int
    payment_intent: str | None = None
    metadata: dict[str, str] | None = None


class _Dispute(msgspec.Struct):
    id: str
    status: str
    payment_intent: str | None = None


class _Subscription(msgspec.Struct):
    id: str
    status: str
    metadata: dict[str, str] | None = None
    cancel_at_period_end: bool = False
    cancel_at: int | None = None


class _Period(msgspec.Struct):
    end: int


class _Line(msgspec.Struct):
    period: _Period


class _Lines(msgspec.Struct):
    data: list[_Line] = []


class _Details(msgspec.Struct):
    subscription: str | None = None
    metadata: dict[str, str] | None = None


class _Parent(msgspec.Struct):
    subscription_details: _Details | None = None


class _PaidBy(msgspec.Struct):
    payment_intent: str | None = None


class _InvoicePayment(msgspec.Struct):
    payment: _PaidBy
    invoice: str = ""


class _InvoicePayments(msgspec.Struct):
    data: list[_InvoicePayment] = []


class Invoice(msgspec.Struct):
    """An invoice, by what it says of its subscription."""

    id: str
    amount_paid: int = 0
    currency: str = ""
    period_end: int = 0
    subscription: str | None = None
    subscription_details: _Details | None = None
    parent: _Parent | None = None
    lines: _Lines = msgspec.field(default_factory=_Lines)
    payment_intent: str | None = None
    payments: _InvoicePayments | None = None

    @property
    def details(self) -> _Details:
        """What it says of the subscription, wherever it says it."""
        told = self.parent.subscription_details if self.parent else self.subscription_details
        return told or _Details()

    @property
    def plan(self) -> str | None:
        return self.subscription or self.details.subscription

    @property
    def reference(self) -> UUID | None:
        return our_id((self.details.metadata or {}).get(REFERENCE))

    @property
    def payment(self) -> str | None:
        """The payment intent, where it is told here."""
        listed = self.payments.data if self.payments else []
        return self.payment_intent or next((paid.payment.payment_intent for paid in listed), None)

    @property
    def paid_until(self) -> datetime:
        """The end of the latest period on its lines."""
        return datetime.fromtimestamp(max([line.period.end for line in self.lines.data] or [self.period_end]), UTC)


class _Data(msgspec.Struct):
    object: msgspec.Raw


class _Event(msgspec.Struct):
    type: str
    data: _Data


def handles(kind: str) -> bool:
    """Whether anything can follow from events of this kind."""
    return kind in _READERS


def read(payload: str) -> PaymentEvent:
    """What a verified event means; raises MalformedEvent."""
    event = decode(payload, _Event)
    reader = _READERS.get(event.type)
    if reader is None:
        return Unhandled(f"nothing follows from {event.type}")
    return reader(event.data.object)


def _succeeded(raw: msgspec.Raw) -> PaymentEvent:
    session = decode(raw, _Session)
    reference = our_id(session.client_reference_id)
    if reference is None:
        return OTHER_SHOP
    if session.mode == "subscription":
        return PlanOpened(reference, session.subscription) if session.subscription else OTHER_SHOP
    if session.payment_status == "unpaid":
        return Unhandled("the payment is still on its way")
    return PaymentSucceeded(
        purchase_id=reference,
        session=session.id,
        payment=session.payment_intent or session.id,
        amount=session.amount_total,
        currency=session.currency.upper(),
    )


def _of_session(of_purchase: Callable[[UUID], PaymentEvent]) -> Callable[[msgspec.Raw], PaymentEvent]:
    def read(raw: msgspec.Raw) -> PaymentEvent:
        session = decode(raw, _Session)
        reference = our_id(session.client_reference_id)
        if reference is None:
            return OTHER_SHOP
        return PlanCheckoutOver(reference) if session.mode == "subscription" else of_purchase(reference)

    return read


def _refunded(raw: msgspec.Raw) -> PaymentEvent:
    charge = decode(raw, _Charge)
    if charge.payment_intent is None:
        return Unhandled("the charge belongs to no payment intent")
    purchase_id = our_id((charge.metadata or {}).get("purchaseId"))
    return PaymentRefunded(charge.payment_intent, charge.amount_refunded, purchase_id)


def _dispute_opened(raw: msgspec.Raw) -> PaymentEvent:
    dispute = decode(raw, _Dispute)
    if dispute.payment_intent is None or dispute.status.startswith("warning_"):
        return Unhandled("an inquiry moves no money")
    return DisputeOpened(dispute.payment_intent, dispute.id)


def _dispute_closed(raw: msgspec.Raw) -> PaymentEvent:
    dispute = decode(raw, _Dispute)
    if dispute.payment_intent is None or dispute.status not in ("won", "lost"):
        return Unhandled("an inquiry moves no money")
    return DisputeClosed(dispute.payment_intent, dispute.id, won=dispute.status == "won")


def _invoice_paid(raw: msgspec.Raw) -> PaymentEvent:
    invoice = decode(raw, Invoice)
    if invoice.plan is None:
        return Unhandled("the invoice is of no subscription")
    if invoice.amount_paid <= 0:
        return Unhandled("no money moved")
    return PlanPaid(
        subscription_id=invoice.reference,
        plan=invoice.plan,
        invoice=invoice.id,
        payment=invoice.payment,
        amount=invoice.amount_paid,
        currency=invoice.currency.upper(),
        paid_until=invoice.paid_until,
    )


def _invoice_unpaid(raw: msgspec.Raw) -> PaymentEvent:
    invoice = decode(raw, Invoice)
    if invoice.plan is None:
        return Unhandled("the invoice is of no subscription")
    return PlanUnpaid(invoice.reference, invoice.plan)


def _invoice_payment(raw: msgspec.Raw) -> PaymentEvent:
    paid = decode(raw, _InvoicePayment)
    if not paid.payment.payment_intent or not paid.invoice:
        return Unhandled("the invoice was paid by no payment intent")
    return PlanPaymentNamed(paid.invoice, paid.payment.payment_intent)


def _subscription_changed(raw: msgspec.Raw) -> PaymentEvent:
    subscription = decode(raw, _Subscription)
    reference = our_id((subscription.metadata or {}).get(REFERENCE))
    if subscription.status in ("canceled", "unpaid", "incomplete_expired"):
        return PlanOver(reference, subscription.id)
    if subscription.cancel_at_period_end or subscription.cancel_at:
        return PlanEnding(reference, subscription.id)
    if subscription.status == "past_due":
        return PlanUnpaid(reference, subscription.id)
    return Unhandled(f"a subscription that is {subscription.status} waits for its invoice")


def _subscription_deleted(raw: msgspec.Raw) -> PaymentEvent:
    subscription = decode(raw, _Subscription)
    return PlanOver(our_id((subscription.metadata or {}).get(REFERENCE)), subscription.id)


_READERS: Mapping[str, Callable[[msgspec.Raw], PaymentEvent]] = {
    "checkout.session.completed": _succeeded,
    "checkout.session.async_payment_succeeded": _succeeded,
    "checkout.session.async_payment_failed": _of_session(PaymentFailed),
    "checkout.session.expired": _of_session(CheckoutExpired),
    "charge.refunded": _refunded,
    "charge.dispute.created": _dispute_opened,
    "charge.dispute.closed": _dispute_closed,
    "invoice.paid": _invoice_paid,
    "invoice.payment_failed": _invoice_unpaid,
    "invoice_payment.paid": _invoice_payment,
    "customer.subscription.updated": _subscription_changed,
    "customer.subscription.deleted": _subscription_deleted,
}
