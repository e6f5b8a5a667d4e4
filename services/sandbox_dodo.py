"""How Dodo Payments tells of what happened in the payment sandbox, and the objects of its API: pure.

Shapes: https://docs.dodopayments.com/api-reference, as the types of its own library have them. Only
dictionaries here: this is somebody else's wire.
"""

from datetime import datetime

from services import clock
from services.billing_months import months_after
from services.sandbox_books import Act, Json, SessionBook, Told

BUSINESS = "bus_sandbox"
CUSTOMER: Json = {"customer_id": "cus_sandbox", "email": "buyer@example.com", "name": "Sandbox Buyer", "metadata": {}}
BILLING: Json = {"country": "PE", "city": "Lima", "state": "Lima", "street": "", "zipcode": "15001"}


def speak(book: SessionBook, told: Told) -> list[Json]:
    """The events of one act. A checkout that is left tells of nothing."""
    happened = _HAPPENED.get(told.act, [])
    if book.mode != "subscription":
        happened = [kind for kind in happened if not kind.startswith("subscription.")]
    return [_event(kind, _subject(kind, book, told)) for kind in happened]


def payment(book: SessionBook, number: int = 0, *, status: str | None = None) -> Json:
    """A payment; of a subscription, that of its n-th month (the newest unless told)."""
    number = number or book.periods
    of_plan = book.mode == "subscription"
    tail = book.tail if number < 2 else f"{book.tail}_{number}"
    return {
        "payload_type": "Payment",
        "payment_id": f"pay_{tail}",
        "business_id": BUSINESS,
        "brand_id": BUSINESS,
        "billing": BILLING,
        "checkout_session_id": book.id,
        "created_at": _iso(_paid_at(book, number)),
        "currency": book.currency.upper(),
        "customer": CUSTOMER,
        "digital_products_delivered": False,
        "disputes": [],
        "has_license_key": False,
        "includes_usage": False,
        "is_multi_subscription": False,
        "is_update_payment_method": False,
        "metadata": metadata(book),
        "payment_method": "card",
        "payment_provider": "dodo",
        "refunds": [],
        "retry_attempt": 0,
        "service_periods": [_period(book, number)] if of_plan and number else [],
        "settlement_amount": book.amount,
        "settlement_currency": book.currency.upper(),
        "status": status or ("succeeded" if book.paid else "failed"),
        "subscription_id": book.plan if of_plan else None,
        "subscription_ids": [book.plan] if of_plan else [],
        "total_amount": book.amount,
    }


def subscription(book: SessionBook) -> Json:
    """A subscription."""
    return {
        "payload_type": "Subscription",
        "subscription_id": book.plan,
        "addons": [],
        "billing": BILLING,
        "brand_id": BUSINESS,
        "cancel_at_next_billing_date": book.cancels_at_period_end,
        "cancelled_at": _iso(clock.now()) if book.subscription_status == "canceled" else None,
        "created_at": _iso(book.completed_at or book.created_at),
        "credit_entitlement_cart": [],
        "currency": book.currency.upper(),
        "customer": CUSTOMER,
        "has_payment_method": True,
        "metadata": metadata(book),
        "meter_credit_entitlement_cart": [],
        "meters": [],
        "next_billing_date": _iso(book.period_ends_at or book.created_at),
        "on_demand": False,
        "payment_frequency_count": 1,
        "payment_frequency_interval": "Month",
        "previous_billing_date": _iso(_paid_at(book, book.periods)),
        "product_id": _cart(book)["product_id"],
        "quantity": 1,
        "recurring_pre_tax_amount": book.amount,
        "status": _STATUSES.get(book.subscription_status or "", "pending"),
        "subscription_period_count": 20,
        "subscription_period_interval": "Year",
        "tax_inclusive": True,
        "trial_period_days": 0,
    }


def product(product_id: str, name: str, price: Json, created_at: datetime) -> Json:
    """A product."""
    return {
        "product_id": product_id,
        "brand_id": BUSINESS,
        "business_id": BUSINESS,
        "created_at": _iso(created_at),
        "credit_entitlements": [],
        "entitlements": [],
        "is_recurring": price.get("type") == "recurring_price",
        "license_key_enabled": False,
        "metadata": {},
        "name": name,
        "price": price,
        "tax_category": "digital_products",
        "updated_at": _iso(created_at),
    }


def metadata(book: SessionBook) -> Json:
    """What we gave to the checkout, and get back on everything that comes of it."""
    return book.request.get("metadata") or {}


def _subject(kind: str, book: SessionBook, told: Told) -> Json:
    area = kind.partition(".")[0]
    if area == "refund":
        return _refund(book, told.amount)
    if area == "dispute":
        return _dispute(book, kind)
    if area == "subscription":
        return subscription(book)
    return payment(book, book.periods + 1, status="failed") if told.act is Act.UNPAID else payment(book)


def _refund(book: SessionBook, amount: int) -> Json:
    return {
        "payload_type": "Refund",
        "refund_id": f"ref_{book.payment_tail}_{book.refunded_amount}",
        "payment_id": book.payment,
        "business_id": BUSINESS,
        "brand_id": BUSINESS,
        "amount": amount,
        "created_at": _iso(clock.now()),
        "currency": book.currency.upper(),
        "customer": CUSTOMER,
        "is_partial": book.refunded_amount < book.amount,
        "metadata": {},
        "status": "succeeded",
    }


def _dispute(book: SessionBook, kind: str) -> Json:
    return {
        "payload_type": "Dispute",
        "dispute_id": f"dp_{book.payment_tail}",
        "payment_id": book.payment,
        "business_id": BUSINESS,
        "amount": str(book.amount - book.refunded_amount),
        "created_at": _iso(clock.now()),
        "currency": book.currency.upper(),
        "dispute_stage": "dispute",
        "dispute_status": kind.replace(".", "_"),
    }


def _period(book: SessionBook, number: int) -> Json:
    starts_at = _paid_at(book, number)
    return {
        "subscription_id": book.plan,
        "starts_at": _iso(starts_at),
        "ends_at": _iso(months_after(book.completed_at or book.created_at, number)),
        "proration_factor": "1",
    }


def _paid_at(book: SessionBook, number: int) -> datetime:
    return months_after(book.completed_at or book.created_at, max(0, number - 1))


def _cart(book: SessionBook) -> Json:
    return dict(book.request["product_cart"][0])


def _event(kind: str, subject: Json) -> Json:
    return {"business_id": BUSINESS, "type": kind, "timestamp": _iso(clock.now()), "data": subject}


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


_HAPPENED: dict[Act, list[str]] = {
    Act.PAID: ["payment.succeeded", "subscription.active"],
    Act.DECLINED: ["payment.failed", "subscription.failed"],
    Act.REFUNDED: ["refund.succeeded"],
    Act.DISPUTED: ["dispute.opened"],
    Act.DISPUTE_WON: ["dispute.won"],
    Act.DISPUTE_LOST: ["dispute.lost"],
    Act.RENEWED: ["payment.succeeded", "subscription.renewed"],
    Act.UNPAID: ["payment.failed", "subscription.on_hold"],
    Act.CHANGED: ["subscription.updated"],
    Act.ENDED: ["subscription.cancelled"],
}
_STATUSES = {"active": "active", "past_due": "on_hold", "canceled": "cancelled"}
