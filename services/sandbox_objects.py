"""Stripe's objects as the payment sandbox spells them: pure, from what a session's books say.

Shapes: https://docs.stripe.com/api/checkout/sessions/object, …/payment_intents, …/charges,
…/disputes and …/events. Only dictionaries here: this is somebody else's wire.
"""

import secrets
from datetime import datetime
from typing import Any

import msgspec

API_VERSION = "2026-10-28.endive"
LIFETIME_S = 24 * 3600

Json = dict[str, Any]


class SessionBook(msgspec.Struct, frozen=True, kw_only=True):
    """What the sandbox knows of one checkout; amounts in minor units."""

    id: str
    request: Json
    amount: int
    currency: str
    status: str
    paid: bool
    refunded_amount: int
    is_disputed: bool
    created_at: datetime
    url: str

    @property
    def tail(self) -> str:
        """What the names of everything that belongs to this checkout end in."""
        return self.id.rpartition("_")[2]

    @property
    def payment(self) -> str:
        return f"pi_{self.tail}"


def checkout_session(book: SessionBook) -> Json:
    """`checkout.session`."""
    created = int(book.created_at.timestamp())
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
        "livemode": False,
        "metadata": book.request.get("metadata") or {},
        "mode": "payment",
        "payment_intent": None if book.status in ("open", "expired") else book.payment,
        "payment_status": "paid" if book.paid else "unpaid",
        "status": book.status,
        "success_url": book.request.get("success_url"),
        "url": book.url if book.status == "open" else None,
    }


def payment_intent(book: SessionBook) -> Json:
    """`payment_intent`."""
    return {
        "id": book.payment,
        "object": "payment_intent",
        "amount": book.amount,
        "amount_received": book.amount if book.paid else 0,
        "created": int(book.created_at.timestamp()),
        "currency": book.currency,
        "latest_charge": f"ch_{book.tail}",
        "livemode": False,
        "metadata": _payment_metadata(book),
        "status": "succeeded" if book.paid else "requires_payment_method",
    }


def charge(book: SessionBook) -> Json:
    """`charge`."""
    return {
        "id": f"ch_{book.tail}",
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
        "id": f"du_{book.tail}",
        "object": "dispute",
        "amount": book.amount - book.refunded_amount,
        "charge": f"ch_{book.tail}",
        "currency": book.currency,
        "livemode": False,
        "metadata": {},
        "payment_intent": book.payment,
        "reason": "general",
        "status": status,
    }


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


def error(kind: str, message: str) -> Json:
    """The body of a refusal (https://docs.stripe.com/api/errors)."""
    return {"error": {"type": kind, "message": message}}


def _payment_metadata(book: SessionBook) -> Json:
    return (book.request.get("payment_intent_data") or {}).get("metadata") or {}
