"""Whether our books and the providers' own agree: every payment that they list, and every one that we booked.

What was paid in the last minutes is left out: its webhook may still be on its way.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import structlog

from db.connection import query, release
from services import clock, job_metrics
from services.gateways.payments.interface import ListedPayment, ProviderAway, ProviderRefused
from services.payment_providers import payment_providers
from services.reconciliation import Finding, Report

log = structlog.get_logger(__name__)

CHECK = "provider_payments"
LOOKS_BACK = timedelta(days=7)
ON_ITS_WAY = timedelta(minutes=15)
#: Providers list a payment by when it, or its checkout, began.
LISTED_EARLIER = timedelta(days=2)


def reconcile_providers(looks_back: timedelta = LOOKS_BACK) -> Report:
    """Compare what was paid lately with each provider's list; a provider that is away is a finding too."""
    findings: list[Finding] = []
    for name in payment_providers.names():
        found = list(_of_provider(name, clock.now() - looks_back))
        job_metrics.record_drift({f"{CHECK}_{name}": len(found)}, clock.now().timestamp())
        findings += found
    for finding in findings:
        log.error("ledger_drift", check=finding.check, subject=finding.subject, detail=finding.detail)
    return Report(findings)


def _of_provider(name: str, since: datetime) -> Iterator[Finding]:
    release()
    try:
        listed = list(payment_providers.named(name).payments_since(since - LISTED_EARLIER))
    except (ProviderAway, ProviderRefused) as error:
        yield Finding(CHECK, name, f"could not be asked: {error}")
        return
    booked = _booked(name, since - LISTED_EARLIER)
    settled_before = clock.now() - ON_ITS_WAY
    for payment in listed:
        if since <= payment.paid_at <= settled_before and payment.payment not in booked:
            yield Finding(CHECK, f"{name} {payment.payment}", _unbooked(name, payment))
        elif payment.payment in booked and booked[payment.payment][:2] != (payment.amount, payment.currency):
            amount, currency, _ = booked[payment.payment]
            detail = f"{payment.amount} {payment.currency} there, {amount} {currency} here"
            yield Finding(CHECK, f"{name} {payment.payment}", detail)
    known = {payment.payment for payment in listed}
    for payment_id, (amount, currency, booked_at) in booked.items():
        if booked_at >= since and payment_id not in known:
            yield Finding(CHECK, f"{name} {payment_id}", f"{amount} {currency} booked here, not in the provider's list")


def _booked(name: str, earliest: datetime) -> dict[str, tuple[int, str, datetime]]:
    """Payments of purchases and months in our books since then, by the provider's name of them."""
    rows = query(_BOOKED, {"provider": name, "earliest": earliest})
    return {payment: (amount, currency, booked_at) for payment, amount, currency, booked_at in rows}


def _unbooked(name: str, payment: ListedPayment) -> str:
    rows = query(_STANDS, {"reference": payment.reference})
    status = rows[0][0] if rows else "unknown"
    return f"{payment.amount} {payment.currency} paid at {name}, {payment.reference} is {status} here"


_BOOKED = """
SELECT payment, price, currency, paid_at FROM coin_purchases
WHERE provider = %(provider)s AND paid_at >= %(earliest)s
UNION ALL
SELECT invoice, amount, currency, created_at FROM subscription_payments
WHERE provider = %(provider)s AND created_at >= %(earliest)s"""

_STANDS = """
SELECT status FROM coin_purchases WHERE id = %(reference)s
UNION ALL SELECT status FROM subscriptions WHERE id = %(reference)s"""
