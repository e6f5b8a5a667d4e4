"""Stripe's objects as the payment sandbox spells them: pure, from what a session's books say.

Shapes: https://docs.stripe.com/api/checkout/sessions/object, …/payment_intents, …/charges,
…/disputes, …/invoices, …/subscriptions and …/events. Only dictionaries here: this is somebody
else's wire.
"""

import secrets
from datetime import datetime
from typing import Any

from services.billing_months import months_after
from services.sandbox_books import LIFETIME_S, Json, SessionBook

API_VERSION = "2026-10-28.endive"


def checkout_session(book: SessionBook) -> Json:
    """`checkout.session`."""
    created = int(book.created_at.timestamp())
    is_plan, is_over = book.mode == "subscription", book.status in ("open", "expired")
    return {
        "id": book.id,
        "object": "checkout.session",
        "amount_subtotal": book.amount,
        "amount_total": book.amount,
        "cancel_url": book.request.get("cancel_url"),
        "client_reference_id": book.request.get("client_reference_id"),
        "created": created,
        "currency": book.currency,
        "expires_at": created + LIFETIME_S,
        "invoice": invoice_id(book, 1) if book.periods else None,
        "livemode": False,
        "metadata": book.request.get("metadata") or {},
        "mode": book.mode,
        "payment_intent": None if is_over or is_plan else book.payment,
        "payment_status": "paid" if book.paid else "unpaid",
        "status": book.status,
        "subscription": book.plan if book.periods else None,
        "success_url": book.request.get("success_url"),
        "url": book.url if book.status == "open" else None,
    }


def payment_intent(book: SessionBook) -> Json:
    """`payment_intent`; of a subscription, that of its newest month."""
    return {
        "id": book.payment,
        "object": "payment_intent",
        "amount": book.amount,
        "amount_received": book.amount if book.paid else 0,
        "created": int(book.created_at.timestamp()),
        "currency": book.currency,
        "latest_charge": f"ch_{book.payment_tail}",
        "livemode": False,
        "metadata": _payment_metadata(book),
        "status": "succeeded" if book.paid else "requires_payment_method",
    }


def charge(book: SessionBook) -> Json:
    """`charge`; of a subscription, that of its newest month."""
    return {
        "id": f"ch_{book.payment_tail}",
        "object": "charge",
        "amount": book.amount,
        "amount_captured": book.amount if book.paid else 0,
        "amount_refunded": book.refunded_amount,
        "created": int(book.created_at.timestamp()),
        "currency": book.currency,
        "disputed": book.is_disputed,
        "livemode": False,
        "metadata": _payment_metadata(book),
        "paid": book.paid,
        "payment_intent": book.payment,
        "refunded": book.refunded_amount == book.amount,
        "status": "succeeded" if book.paid else "failed",
    }


def dispute(book: SessionBook, status: str) -> Json:
    """`dispute`; `status` is `needs_response`, `won` or `lost`."""
    return {
        "id": f"du_{book.payment_tail}",
        "object": "dispute",
        "amount": book.amount - book.refunded_amount,
        "charge": f"ch_{book.payment_tail}",
        "currency": book.currency,
        "livemode": False,
        "metadata": {},
        "payment_intent": book.payment,
        "reason": "general",
        "status": status,
    }


def subscription(book: SessionBook) -> Json:
    """`subscription`; its period is on its item."""
    ends_at = _seconds(book.period_ends_at)
    return {
        "id": book.plan,
        "object": "subscription",
        "cancel_at": ends_at if book.cancels_at_period_end else None,
        "cancel_at_period_end": book.cancels_at_period_end,
        "created": _seconds(book.completed_at),
        "currency": book.currency,
        "items": {"object": "list", "data": [{"id": f"si_{book.tail}", "current_period_end": ends_at}]},
        "livemode": False,
        "metadata": _plan_metadata(book),
        "status": book.subscription_status or "incomplete",
    }


def invoice(book: SessionBook, number: int, *, paid: bool = True) -> Json:
    """`invoice` of the n-th month."""
    begins_at = months_after(book.completed_at or book.created_at, number - 1)
    ends_at = months_after(book.completed_at or book.created_at, number)
    details = {"subscription": book.plan, "metadata": _plan_metadata(book)}
    return {
        "id": invoice_id(book, number),
        "object": "invoice",
        "amount_due": book.amount,
        "amount_paid": book.amount if paid else 0,
        "billing_reason": "subscription_create" if number == 1 else "subscription_cycle",
        "created": _seconds(begins_at),
        "currency": book.currency,
        "lines": {"object": "list", "data": [{"period": {"start": _seconds(begins_at), "end": _seconds(ends_at)}}]},
        "livemode": False,
        "metadata": {},
        "parent": {"type": "subscription_details", "subscription_details": details},
        "period_end": _seconds(begins_at),
        "period_start": _seconds(begins_at),
        "status": "paid" if paid else "open",
    }


def invoice_payment(book: SessionBook) -> Json:
    """`invoice_payment` of the newest month."""
    return {
        "id": f"inpay_{book.payment_tail}",
        "object": "invoice_payment",
        "amount_paid": book.amount,
        "currency": book.currency,
        "invoice": invoice_id(book, book.periods),
        "livemode": False,
        "payment": {"type": "payment_intent", "payment_intent": book.payment},
        "status": "paid",
    }


def invoice_id(book: SessionBook, number: int) -> str:
    """The name of the n-th month's invoice."""
    return f"in_{book.tail}_{number}"


def event(kind: str, subject: Json, at: datetime) -> Json:
    """`event`: that `kind` happened to `subject`."""
    return {
        "id": f"evt_{secrets.token_hex(12)}",
        "object": "event",
        "api_version": API_VERSION,
        "created": int(at.timestamp()),
        "data": {"object": subject},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }


def listed(things: list[Json], url: str) -> Json:
    """A list, all on one page."""
    return {"object": "list", "data": things, "has_more": False, "url": url}


def error(kind: str, message: str) -> Json:
    """The body of a refusal (https://docs.stripe.com/api/errors)."""
    return {"error": {"type": kind, "message": message}}


def _payment_metadata(book: SessionBook) -> Json:
    return (book.request.get("payment_intent_data") or {}).get("metadata") or {}


def _plan_metadata(book: SessionBook) -> Json:
    return (book.request.get("subscription_data") or {}).get("metadata") or {}


def _seconds(at: datetime | None) -> Any:
    return int(at.timestamp()) if at else None
