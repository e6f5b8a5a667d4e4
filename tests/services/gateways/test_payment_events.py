"""What the providers' words mean here: of which events something follows, and of which nothing."""

import json
from typing import Any
from uuid import UUID

import pytest

from services.gateways.payments import dodo_events, stripe_events
from services.gateways.payments.interface import (
    CheckoutExpired,
    DisputeClosed,
    DisputeOpened,
    MalformedEvent,
    PaymentEvent,
    PaymentFailed,
    PaymentRefunded,
    PlanCheckoutOver,
    PlanEnding,
    PlanOpened,
    PlanOver,
    PlanPaymentNamed,
    PlanUnpaid,
    Unhandled,
)

OURS = UUID("0190a0b0-0000-7000-8000-000000000001")


def stripe_means(kind: str, **subject: Any) -> PaymentEvent:
    return stripe_events.read(json.dumps({"id": "evt_1", "type": kind, "data": {"object": subject}}))


def dodo_means(kind: str, **data: Any) -> PaymentEvent:
    told = {"type": kind, "business_id": "b", "timestamp": "2026-01-01T00:00:00Z", "data": data}
    return dodo_events.read(json.dumps(told))


def session(**more: Any) -> dict[str, Any]:
    return {"id": "cs_1", "payment_status": "unpaid", "amount_total": 5, "currency": "pen"} | more


def invoice(plan: str | None = "sub_1", **more: Any) -> dict[str, Any]:
    details = {"subscription": plan, "metadata": {"subscriptionId": str(OURS)}} if plan else None
    parent = {"type": "subscription_details", "subscription_details": details}
    lines = {"data": [{"period": {"start": 0, "end": 1_800_000_000}}]}
    return {"id": "in_1", "amount_paid": 5, "currency": "pen", "parent": parent, "lines": lines} | more


def plan(**more: Any) -> dict[str, Any]:
    return {"id": "sub_1", "status": "active", "metadata": {"subscriptionId": str(OURS)}} | more


def payment(**more: Any) -> dict[str, Any]:
    told = {"payment_id": "pay_1", "total_amount": 5, "currency": "PEN", "created_at": "2026-01-01T00:00:00Z"}
    return told | {"metadata": {}, "checkout_session_id": "cks_1", "subscription_id": None} | more


def dodo_plan(**more: Any) -> dict[str, Any]:
    return {"subscription_id": "sub_1", "metadata": {"subscriptionId": str(OURS)}} | more


@pytest.mark.parametrize(
    ("kind", "subject", "meaning"),
    [
        ("checkout.session.expired", session(client_reference_id=str(OURS)), CheckoutExpired(OURS)),
        ("checkout.session.expired", session(client_reference_id=str(OURS), mode="subscription"),
         PlanCheckoutOver(OURS)),
        ("checkout.session.async_payment_failed", session(client_reference_id=str(OURS)), PaymentFailed(OURS)),
        ("charge.refunded", {"payment_intent": "pi_1", "amount_refunded": 3, "metadata": {"purchaseId": str(OURS)}},
         PaymentRefunded("pi_1", 3, OURS)),
        ("charge.dispute.created", {"id": "du_1", "payment_intent": "pi_1", "status": "needs_response"},
         DisputeOpened("pi_1", "du_1")),
        ("charge.dispute.closed", {"id": "du_1", "payment_intent": "pi_1", "status": "won"},
         DisputeClosed("pi_1", "du_1", won=True)),
        ("charge.dispute.closed", {"id": "du_1", "payment_intent": "pi_1", "status": "lost"},
         DisputeClosed("pi_1", "du_1", won=False)),
        ("invoice.payment_failed", invoice(), PlanUnpaid(OURS, "sub_1")),
        ("invoice_payment.paid", {"invoice": "in_1", "payment": {"type": "payment_intent", "payment_intent": "pi_1"}},
         PlanPaymentNamed("in_1", "pi_1")),
        ("customer.subscription.updated", plan(status="past_due"), PlanUnpaid(OURS, "sub_1")),
        ("customer.subscription.updated", plan(status="unpaid"), PlanOver(OURS, "sub_1")),
        ("customer.subscription.updated", plan(cancel_at=1_800_000_000), PlanEnding(OURS, "sub_1")),
        ("customer.subscription.deleted", plan(status="canceled", metadata=None), PlanOver(None, "sub_1")),
    ],
)  # fmt: skip
def test_what_stripe_tells_is_understood(kind: str, subject: dict[str, Any], meaning: PaymentEvent) -> None:
    assert stripe_events.handles(kind)
    assert stripe_means(kind, **subject) == meaning


@pytest.mark.parametrize(
    ("kind", "subject", "reason"),
    [
        ("customer.created", {}, "nothing follows"),
        ("checkout.session.expired", session(client_reference_id="of another shop"), ""),
        ("checkout.session.completed", session(client_reference_id=None), ""),
        ("charge.refunded", {"payment_intent": None, "amount_refunded": 3}, "no payment intent"),
        ("charge.dispute.created", {"id": "du_1", "payment_intent": "pi_1", "status": "warning_needs_response"},
         "inquiry"),
        ("charge.dispute.closed", {"id": "du_1", "payment_intent": "pi_1", "status": "warning_closed"}, "inquiry"),
        ("invoice.paid", invoice(None), "of no subscription"),
        ("invoice.paid", invoice(amount_paid=0), "no money moved"),
        ("invoice.payment_failed", invoice(None), "of no subscription"),
        ("invoice_payment.paid", {"invoice": "in_1", "payment": {"type": "charge"}}, "no payment intent"),
        ("customer.subscription.updated", plan(), "waits for its invoice"),
    ],
)  # fmt: skip
def test_of_the_rest_of_what_stripe_tells_nothing_follows(kind: str, subject: dict[str, Any], reason: str) -> None:
    meaning = stripe_means(kind, **subject)
    assert isinstance(meaning, Unhandled)
    assert reason in meaning.reason


@pytest.mark.parametrize(
    ("kind", "data", "meaning"),
    [
        ("payment.failed", payment(metadata={"purchaseId": str(OURS)}), PaymentFailed(OURS, "pay_1")),
        ("payment.failed", payment(subscription_id="sub_1", metadata={"subscriptionId": str(OURS)}),
         PlanUnpaid(OURS, "sub_1")),
        ("refund.succeeded", {"payment_id": "pay_1", "refund_id": "ref_1", "amount": 3, "is_partial": True},
         PaymentRefunded("pay_1", 3, None, "ref_1")),
        ("dispute.opened", {"payment_id": "pay_1", "dispute_id": "d", "dispute_stage": "dispute"},
         DisputeOpened("pay_1", "d")),
        ("dispute.cancelled", {"payment_id": "pay_1", "dispute_id": "d", "dispute_stage": "dispute"},
         DisputeClosed("pay_1", "d", won=True)),
        ("dispute.expired", {"payment_id": "pay_1", "dispute_id": "d", "dispute_stage": "dispute"},
         DisputeClosed("pay_1", "d", won=False)),
        ("subscription.active", dodo_plan(), PlanOpened(OURS, "sub_1")),
        ("subscription.failed", dodo_plan(), PlanCheckoutOver(OURS)),
        ("subscription.on_hold", dodo_plan(), PlanUnpaid(OURS, "sub_1")),
        ("subscription.updated", dodo_plan(cancel_at_next_billing_date=True), PlanEnding(OURS, "sub_1")),
        ("subscription.expired", dodo_plan(), PlanOver(OURS, "sub_1")),
    ],
)  # fmt: skip
def test_what_dodo_tells_is_understood(kind: str, data: dict[str, Any], meaning: PaymentEvent) -> None:
    assert dodo_events.handles(kind)
    assert dodo_means(kind, **data) == meaning


@pytest.mark.parametrize(
    ("kind", "data", "reason"),
    [
        ("license_key.created", {}, "nothing follows"),
        ("payment.succeeded", payment(), "not of a purchase"),
        ("payment.failed", payment(), "not of a purchase"),
        ("payment.succeeded", payment(subscription_id="sub_1", total_amount=0), "no money moved"),
        ("dispute.opened", {"payment_id": "pay_1", "dispute_id": "d", "dispute_stage": "pre_dispute"}, "inquiry"),
        ("dispute.won", {"payment_id": "pay_1", "dispute_id": "d", "dispute_stage": "pre_dispute"}, "inquiry"),
        ("subscription.active", dodo_plan(metadata={}), "not made here"),
        ("subscription.failed", dodo_plan(metadata={}), "not made here"),
        ("subscription.updated", dodo_plan(), "waits for its payment"),
    ],
)
def test_of_the_rest_of_what_dodo_tells_nothing_follows(kind: str, data: dict[str, Any], reason: str) -> None:
    meaning = dodo_means(kind, **data)
    assert isinstance(meaning, Unhandled)
    assert reason in meaning.reason


def test_a_part_of_a_payment_that_went_back_says_how_much() -> None:
    with pytest.raises(MalformedEvent):
        dodo_means("refund.succeeded", payment_id="pay_1", refund_id="ref_1", amount=None, is_partial=True)
