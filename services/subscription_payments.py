"""What a month of a subscription moves: coins or money, to the creator less the platform's share.

Every month and every upgrade is one row, which is the reference of the ledger transactions that
pay for it or take it back.
"""

from datetime import datetime
from uuid import UUID

from db.connection import acting_as_system, query
from db.models.subscriptions import Subscription, SubscriptionPayment
from services import ledger, wallets
from services.bus import bus
from services.gateways.payments.interface import PlanPaid
from services.ids import new_id
from services.ledger import AccountKind, Leg, PaymentPurpose, Posting, TransactionKind


def charge_coins(subscription: Subscription, coins: int, *, key: str, period_ends_at: datetime) -> None:
    """Pay from the subscriber's wallet; the same `key` pays once.

    Belongs inside the caller's `atomic`, under `translating(ledger.REFUSALS)`. Raises
    Conflict("wallet_frozen").
    """
    payment_id, share = new_id(), _share(coins)
    posted = ledger.post(
        Posting(
            kind=TransactionKind.SUBSCRIPTION,
            reference=payment_id,
            idempotency_key=f"subscription:{subscription.id}:{key}",
            legs=(
                Leg(AccountKind.WALLET, -coins, subscription.subscriber_id),
                Leg(AccountKind.EARNINGS, coins - share, subscription.streamer_id),
                Leg(AccountKind.FEES, share),
            ),
        )
    )
    wallets.spendable(posted, subscription.subscriber_id)
    _record(payment_id, subscription, posted.transaction_id, coins, ledger.COIN, period_ends_at)


def book_money(subscription: Subscription, paid: PlanPaid, provider: str) -> None:
    """Book a month that the provider charged, once an invoice; inside the caller's `atomic`."""
    payment_id, share = new_id(), _share(paid.amount)
    posted = ledger.post(
        Posting(
            kind=TransactionKind.SUBSCRIPTION,
            currency=paid.currency,
            reference=payment_id,
            idempotency_key=f"subscription:{subscription.id}:invoice:{paid.invoice}",
            legs=(
                Leg(AccountKind.PROVIDER, -paid.amount),
                Leg(AccountKind.EARNINGS, paid.amount - share, subscription.streamer_id),
                Leg(AccountKind.FEES, share),
            ),
            settles=PaymentPurpose(provider, paid.invoice, "subscription"),
        )
    )
    _record(
        payment_id,
        subscription,
        posted.transaction_id,
        paid.amount,
        paid.currency,
        paid.paid_until,
        provider=provider,
        invoice=paid.invoice,
        payment=paid.payment,
    )


def take_back(
    payment: SubscriptionPayment, streamer_id: UUID, kind: TransactionKind, amount: int, purpose: str
) -> None:
    """Give `amount` of a month's money back through the provider, or (below zero) receive it again.

    The creator and the platform bear it in the proportion in which they had it.
    """
    [(fee,)] = query(_FEE, (payment.ledger_transaction_id,))
    share = amount * fee // payment.amount
    ledger.post(
        Posting(
            kind=kind,
            currency=payment.currency,
            reference=payment.id,
            idempotency_key=f"subscription_payment:{payment.id}:{purpose}",
            legs=(
                Leg(AccountKind.PROVIDER, amount),
                Leg(AccountKind.EARNINGS, share - amount, streamer_id),
                Leg(AccountKind.FEES, -share),
            ),
            settles=PaymentPurpose(str(payment.provider), str(payment.invoice), purpose),
        )
    )


def is_booked(provider: str, invoice: str) -> bool:
    """Whether a month is in the books."""
    return bool(query("SELECT 1 FROM subscription_payments WHERE provider = %s AND invoice = %s", (provider, invoice)))


def _share(amount: int) -> int:
    return amount * bus.settings.platform_share_percent // 100


@acting_as_system("booking a paid month")
def _record(
    payment_id: UUID,
    subscription: Subscription,
    transaction_id: UUID,
    amount: int,
    currency: str,
    period_ends_at: datetime,
    **provided: str | None,
) -> None:
    SubscriptionPayment.insert(
        id=payment_id,
        subscription=subscription.id,
        ledger_transaction=transaction_id,
        amount=amount,
        currency=currency,
        period_ends_at=period_ends_at,
        **provided,
    ).execute()


_FEE = """
SELECT coalesce(sum(e.amount), 0)::bigint FROM ledger_entries e JOIN accounts_ledger a ON a.id = e.account_id
WHERE e.transaction_id = %s AND a.kind = 'FEES'"""
