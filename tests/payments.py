"""What tests of money need: purchases, the provider's events, signed, and a provider without a network."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import stripe

from db.connection import query
from db.models.coin_packs import CoinPack
from db.models.coin_purchases import CoinPurchase
from db.models.subscriptions import Subscription
from db.models.users import User
from services import webhooks
from services.bus import bus
from services.gateways.payments.interface import (
    CheckoutOrder,
    CheckoutSession,
    ListedPayment,
    PaymentEvent,
    PlanOrder,
    ProviderAway,
    SignedEvent,
)
from services.gateways.payments.stripe import SIGNATURE_HEADER, StripeProvider
from services.ids import new_id
from services.wallets import grant

COINS, PRICE = 500, 1990


class FakeProvider:
    """Stripe's signatures and events, and checkouts that exist only in memory; may be away."""

    name = "stripe"

    def __init__(self) -> None:
        self._stripe = StripeProvider("sk_test_fake", bus.settings.stripe_webhook_secret)
        self.orders: list[CheckoutOrder] = []
        self.plans: list[PlanOrder] = []
        self.told: list[tuple[str, str]] = []
        self.listed: list[ListedPayment] = []
        self.away = False

    def create_checkout(self, order: CheckoutOrder) -> CheckoutSession:
        self.orders.append(order)
        if self.away:
            raise ProviderAway("gone fishing")
        return CheckoutSession(f"cs_{order.purchase_id.hex}", f"https://pay.example/{order.purchase_id}")

    def create_plan(self, order: PlanOrder) -> CheckoutSession:
        self.plans.append(order)
        if self.away:
            raise ProviderAway("gone fishing")
        return CheckoutSession(f"cs_{order.subscription_id.hex}", f"https://pay.example/{order.subscription_id}")

    def set_plan_ending(self, plan: str, *, ends: bool) -> None:
        if self.away:
            raise ProviderAway("gone fishing")
        self.told.append((plan, "ends" if ends else "goes on"))

    def end_plan(self, plan: str) -> None:
        if self.away:
            raise ProviderAway("gone fishing")
        self.told.append((plan, "over"))

    def payments_since(self, since: datetime) -> Iterator[ListedPayment]:
        if self.away:
            raise ProviderAway("gone fishing")
        yield from (payment for payment in self.listed if payment.paid_at >= since)

    def close(self) -> None:
        """It holds nothing."""

    def verify(self, body: bytes, headers: Mapping[str, str]) -> SignedEvent:
        return self._stripe.verify(body, headers)

    def handles(self, kind: str) -> bool:
        return self._stripe.handles(kind)

    def read(self, payload: str) -> PaymentEvent:
        return self._stripe.read(payload)


def make_pack(**columns: Any) -> CoinPack:
    """A pack on sale."""
    return CoinPack.create(**({"name": "Test", "coins": COINS, "price": PRICE, "currency": "PEN"} | columns))


def make_purchase(user: User, **columns: Any) -> CoinPurchase:
    """A purchase that waits to be paid."""
    defaults = {
        "user": user,
        "coin_pack": columns.pop("coin_pack", None) or make_pack(),
        "coins": COINS,
        "price": PRICE,
        "currency": "PEN",
        "provider": "stripe",
        "success_url": "http://localhost:3000/a",
        "cancel_url": "http://localhost:3000/b",
    }
    return CoinPurchase.create(**(defaults | columns))


def give_coins(user: User, coins: int) -> None:
    """Coins out of nowhere."""
    grant(user.id, coins, reference=user.id, key=str(new_id()))


def completed(purchase: CoinPurchase, **changes: Any) -> dict[str, Any]:
    """checkout.session.completed of a paid purchase."""
    return _event("checkout.session.completed", _session(purchase) | changes)


def async_succeeded(purchase: CoinPurchase) -> dict[str, Any]:
    return _event("checkout.session.async_payment_succeeded", _session(purchase))


def async_failed(purchase: CoinPurchase) -> dict[str, Any]:
    return _event("checkout.session.async_payment_failed", _session(purchase) | {"payment_status": "unpaid"})


def expired(purchase: CoinPurchase) -> dict[str, Any]:
    return _event("checkout.session.expired", _session(purchase) | {"payment_status": "unpaid"})


def refunded(purchase: CoinPurchase, amount: int = PRICE) -> dict[str, Any]:
    """charge.refunded: `amount` has gone back in all."""
    charge = {"id": "ch_1", "object": "charge", "payment_intent": payment_of(purchase), "amount_refunded": amount}
    return _event("charge.refunded", charge | {"metadata": {"purchaseId": str(purchase.id)}})


def dispute(purchase: CoinPurchase | Subscription, kind: str, status: str) -> dict[str, Any]:
    """charge.dispute.<kind>."""
    about = {"id": "du_1", "object": "dispute", "payment_intent": payment_of(purchase), "status": status}
    return _event(f"charge.dispute.{kind}", about)


def plan_opened(subscription: Subscription) -> dict[str, Any]:
    """checkout.session.completed of a subscription."""
    about = _plan_session(subscription) | {"subscription": plan_of(subscription), "payment_status": "paid"}
    return _event("checkout.session.completed", about)


def plan_expired(subscription: Subscription) -> dict[str, Any]:
    """checkout.session.expired of a subscription."""
    return _event("checkout.session.expired", _plan_session(subscription))


def invoice_paid(subscription: Subscription, until: datetime, *, number: int = 1, **changes: Any) -> dict[str, Any]:
    """invoice.paid of the n-th month."""
    return _event("invoice.paid", _invoice(subscription, until, number) | changes)


def invoice_unpaid(subscription: Subscription, until: datetime) -> dict[str, Any]:
    """invoice.payment_failed of a month."""
    return _event("invoice.payment_failed", _invoice(subscription, until, 99) | {"amount_paid": 0})


def invoice_payment(subscription: Subscription, number: int = 1) -> dict[str, Any]:
    """invoice_payment.paid: by which payment the n-th month was paid."""
    payment = {"type": "payment_intent", "payment_intent": payment_of(subscription)}
    return _event("invoice_payment.paid", {"invoice": f"in_{number}_{subscription.id.hex}", "payment": payment})


def plan_changed(subscription: Subscription, kind: str = "updated", **state: Any) -> dict[str, Any]:
    """customer.subscription.<kind>."""
    about = {"id": plan_of(subscription), "status": "active", "metadata": {"subscriptionId": str(subscription.id)}}
    return _event(f"customer.subscription.{kind}", about | state)


def month_refunded(subscription: Subscription, amount: int) -> dict[str, Any]:
    """charge.refunded of a month: such a charge carries no word of ours."""
    charge = {"id": "ch_2", "payment_intent": payment_of(subscription), "amount_refunded": amount, "metadata": {}}
    return _event("charge.refunded", charge)


def plan_of(subscription: Subscription) -> str:
    return f"sub_{subscription.id.hex}"


def payment_of(purchase: CoinPurchase | Subscription) -> str:
    return f"pi_{purchase.id.hex}"


def signed(
    event: Mapping[str, Any], *, at: int | None = None, secret: str | None = None
) -> tuple[bytes, dict[str, str]]:
    """The event as it comes over the wire."""
    body = json.dumps(event)
    secret = secret or bus.settings.stripe_webhook_secret
    header = stripe.WebhookSignature.generate_signature_header(body, secret, at)
    return body.encode(), {SIGNATURE_HEADER: header}


def deliver(event: Mapping[str, Any]) -> None:
    """Receive an event and run its job."""
    webhooks.receive("stripe", *signed(event))
    webhooks.process(stored_id(event))


def stored_id(event: Mapping[str, Any]) -> UUID:
    """Our id of a stored event."""
    [(event_id,)] = query("SELECT id FROM webhook_events WHERE event_id = %s", (event["id"],))
    return UUID(str(event_id))


def state_of(event: Mapping[str, Any]) -> str:
    """How far a stored event came."""
    [(state,)] = query("SELECT state FROM webhook_events WHERE event_id = %s", (event["id"],))
    return str(state)


def _event(kind: str, subject: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": f"evt_{new_id().hex}", "object": "event", "type": kind, "data": {"object": dict(subject)}}


def _session(purchase: CoinPurchase) -> dict[str, Any]:
    return {
        "id": f"cs_{purchase.id.hex}",
        "object": "checkout.session",
        "client_reference_id": str(purchase.id),
        "payment_intent": payment_of(purchase),
        "payment_status": "paid",
        "amount_total": purchase.price,
        "currency": purchase.currency.lower(),
    }


def _plan_session(subscription: Subscription) -> dict[str, Any]:
    return {
        "id": f"cs_{subscription.id.hex}",
        "object": "checkout.session",
        "mode": "subscription",
        "client_reference_id": str(subscription.id),
        "payment_status": "unpaid",
        "amount_total": subscription.price,
        "currency": subscription.currency.lower(),
    }


def _invoice(subscription: Subscription, until: datetime, number: int) -> dict[str, Any]:
    details = {"subscription": plan_of(subscription), "metadata": {"subscriptionId": str(subscription.id)}}
    return {
        "id": f"in_{number}_{subscription.id.hex}",
        "object": "invoice",
        "amount_paid": subscription.price,
        "currency": subscription.currency.lower(),
        "parent": {"type": "subscription_details", "subscription_details": details},
        "lines": {"data": [{"period": {"start": 0, "end": int(until.timestamp())}}]},
    }
