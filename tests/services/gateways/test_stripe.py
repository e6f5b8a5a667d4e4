"""Stripe's gateway: what it does when nobody answers, and what its events mean."""

import json
import socket
from typing import Any

import pytest

from services.gateways.payments.interface import (
    CheckoutExpired,
    CheckoutOrder,
    DisputeClosed,
    DisputeOpened,
    MalformedEvent,
    PaymentEvent,
    PaymentFailed,
    PaymentRefunded,
    PaymentSucceeded,
    ProviderAway,
    Unhandled,
)
from services.gateways.payments.stripe import StripeProvider
from services.ids import new_id

PURCHASE = new_id()
REFERENCE = {"client_reference_id": str(PURCHASE)}


def _provider(port: int = 9) -> StripeProvider:
    return StripeProvider("sk_test_x", "whsec_x", base_address=lambda: f"http://127.0.0.1:{port}")


def _read(kind: str, **subject: Any) -> PaymentEvent:
    return _provider().read(json.dumps({"id": "evt", "type": kind, "data": {"object": subject}}))


def test_a_provider_that_does_not_answer_is_away() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        order = CheckoutOrder(
            purchase_id=PURCHASE, title="coins", price=1, currency="PEN", success_url="http://a", cancel_url="http://b"
        )
        with pytest.raises(ProviderAway, match="APIConnectionError"):
            _provider(unheard.getsockname()[1]).create_checkout(order)


@pytest.mark.parametrize(
    ("kind", "subject", "meaning"),
    [
        ("checkout.session.async_payment_failed", {"id": "cs", **REFERENCE}, PaymentFailed(PURCHASE)),
        ("checkout.session.expired", {"id": "cs", **REFERENCE}, CheckoutExpired(PURCHASE)),
        (
            "charge.refunded",
            {"payment_intent": "pi", "amount_refunded": 5, "metadata": {}},
            PaymentRefunded("pi", 5, None),
        ),
        (
            "charge.dispute.created",
            {"id": "du", "payment_intent": "pi", "status": "needs_response"},
            DisputeOpened("pi", "du"),
        ),
        (
            "charge.dispute.closed",
            {"id": "du", "payment_intent": "pi", "status": "lost"},
            DisputeClosed("pi", "du", won=False),
        ),
    ],
)
def test_events_are_read_into_our_own_words(kind: str, subject: dict[str, Any], meaning: PaymentEvent) -> None:
    assert _read(kind, **subject) == meaning


def test_a_paid_session_is_a_payment() -> None:
    event = _read(
        "checkout.session.completed",
        id="cs",
        payment_intent="pi",
        payment_status="paid",
        amount_total=490,
        currency="pen",
        **REFERENCE,
    )
    assert event == PaymentSucceeded(purchase_id=PURCHASE, session="cs", payment="pi", amount=490, currency="PEN")


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        ("checkout.session.completed", {"id": "cs", "client_reference_id": "order-7"}),
        ("checkout.session.completed", {"id": "cs", "payment_status": "unpaid", **REFERENCE}),
        ("charge.refunded", {"amount_refunded": 5}),
        ("charge.dispute.closed", {"id": "du", "payment_intent": "pi", "status": "warning_closed"}),
        ("radar.early_fraud_warning.created", {}),
    ],
)
def test_nothing_follows_from_the_rest(kind: str, subject: dict[str, Any]) -> None:
    assert isinstance(_read(kind, **subject), Unhandled)


@pytest.mark.parametrize("payload", ["", "[]", '{"type": "charge.refunded"}', '{"type": "charge.refunded", "data": 1}'])
def test_another_shape_is_malformed(payload: str) -> None:
    with pytest.raises(MalformedEvent):
        _provider().read(payload)
