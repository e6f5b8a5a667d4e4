"""How Stripe tells of what happened in the payment sandbox (https://docs.stripe.com/api/events/types)."""

from collections.abc import Callable, Mapping

from services import clock
from services.sandbox_books import Act, Json, SessionBook, Told
from services.sandbox_objects import (
    charge,
    checkout_session,
    dispute,
    event,
    invoice,
    invoice_payment,
    payment_intent,
    subscription,
)

Happened = list[tuple[str, Callable[[SessionBook], Json]]]


def speak(book: SessionBook, told: Told) -> list[Json]:
    """The events of one act."""
    at = clock.now()
    own = _OF_PLANS if book.mode == "subscription" else _OF_PAYMENTS
    happened = own.get(told.act) or _OF_BOTH.get(told.act, [])
    return [event(kind, make(book), at) for kind, make in happened]


def _newest_invoice(book: SessionBook) -> Json:
    return invoice(book, book.periods)


def _unpaid_invoice(book: SessionBook) -> Json:
    return invoice(book, book.periods + 1, paid=False)


def _opened_dispute(book: SessionBook) -> Json:
    return dispute(book, "needs_response")


def _won_dispute(book: SessionBook) -> Json:
    return dispute(book, "won")


def _lost_dispute(book: SessionBook) -> Json:
    return dispute(book, "lost")


_OF_PAYMENTS: Mapping[Act, Happened] = {
    Act.PAID: [
        ("payment_intent.succeeded", payment_intent),
        ("charge.succeeded", charge),
        ("checkout.session.completed", checkout_session),
    ],
    Act.DECLINED: [
        ("checkout.session.completed", checkout_session),
        ("payment_intent.payment_failed", payment_intent),
        ("charge.failed", charge),
        ("checkout.session.async_payment_failed", checkout_session),
    ],
}

_OF_PLANS: Mapping[Act, Happened] = {
    Act.PAID: [
        ("customer.subscription.created", subscription),
        ("charge.succeeded", charge),
        ("invoice.paid", _newest_invoice),
        ("invoice_payment.paid", invoice_payment),
        ("checkout.session.completed", checkout_session),
    ],
    Act.DECLINED: [
        ("invoice.payment_failed", _unpaid_invoice),
        ("checkout.session.async_payment_failed", checkout_session),
    ],
    Act.RENEWED: [
        ("customer.subscription.updated", subscription),
        ("charge.succeeded", charge),
        ("invoice.paid", _newest_invoice),
        ("invoice_payment.paid", invoice_payment),
    ],
    Act.UNPAID: [
        ("invoice.payment_failed", _unpaid_invoice),
        ("customer.subscription.updated", subscription),
    ],
    Act.CHANGED: [("customer.subscription.updated", subscription)],
    Act.ENDED: [("customer.subscription.deleted", subscription)],
}

_OF_BOTH: Mapping[Act, Happened] = {
    Act.CLOSED: [("checkout.session.expired", checkout_session)],
    Act.REFUNDED: [("charge.refunded", charge)],
    Act.DISPUTED: [("charge.dispute.created", _opened_dispute)],
    Act.DISPUTE_WON: [("charge.dispute.closed", _won_dispute)],
    Act.DISPUTE_LOST: [("charge.dispute.closed", _lost_dispute)],
}
