"""Whether the books agree with themselves: cached balances, sums, and purchases with their credits."""

import msgspec
import structlog

from db.connection import query
from services import clock, job_metrics

log = structlog.get_logger(__name__)

MOST_SHOWN = 100


class Finding(msgspec.Struct, frozen=True):
    """One thing that does not agree, in words."""

    check: str
    subject: str
    detail: str


class Report(msgspec.Struct, frozen=True):
    """What a reconciliation found: nothing, if all is well."""

    findings: list[Finding]

    @property
    def clean(self) -> bool:
        return not self.findings


def reconcile() -> Report:
    """Compare every book with every other; up to 100 findings a check. Changes nothing."""
    findings: list[Finding] = []
    counts: dict[str, int] = {}
    for check, sql in CHECKS.items():
        found = [Finding(check, str(subject), detail) for subject, detail in query(sql, (MOST_SHOWN,))]
        counts[check] = len(found)
        findings += found
    job_metrics.record_drift(counts, clock.now().timestamp())
    for finding in findings:
        log.error("ledger_drift", check=finding.check, subject=finding.subject, detail=finding.detail)
    return Report(findings)


_CACHED_BALANCES = """
SELECT a.id, format('cached %%s, entries sum to %%s', a.balance, coalesce(sum(e.amount), 0))
FROM accounts_ledger a LEFT JOIN ledger_entries e ON e.account_id = a.id
WHERE a.balance IS NOT NULL GROUP BY a.id HAVING a.balance <> coalesce(sum(e.amount), 0) LIMIT %s"""

_TRANSACTIONS_BALANCE = """
SELECT t.id, format('%%s entries that sum to %%s', count(e.id), coalesce(sum(e.amount), 0))
FROM ledger_transactions t LEFT JOIN ledger_entries e ON e.transaction_id = t.id
GROUP BY t.id HAVING count(e.id) < 2 OR coalesce(sum(e.amount), 0) <> 0 LIMIT %s"""

_CURRENCIES_SUM_TO_ZERO = """
SELECT currency, format('all entries sum to %%s', sum(amount))
FROM ledger_entries GROUP BY currency HAVING sum(amount) <> 0 LIMIT %s"""

# What the coins issued for a purchase come to, after everything that was taken back.
_PURCHASES_CREDITED = """
WITH issued AS (
    SELECT t.reference, -sum(e.amount) AS coins, count(*) FILTER (WHERE t.kind = 'PURCHASE') AS credits
    FROM ledger_transactions t
    JOIN ledger_entries e ON e.transaction_id = t.id
    JOIN accounts_ledger a ON a.id = e.account_id AND a.kind = 'ISSUED'
    WHERE t.kind IN ('PURCHASE', 'REFUND', 'DISPUTE', 'DISPUTE_WON') GROUP BY t.reference
), expected AS (
    SELECT id, status, (paid_at IS NOT NULL)::integer AS credits,
           CASE WHEN paid_at IS NULL THEN 0 ELSE coins + bonus_coins - reversed_coins END AS coins
    FROM coin_purchases
)
SELECT p.id, format('%%s: %%s coins in %%s credits, expected %%s in %%s', p.status,
                    coalesce(i.coins, 0), coalesce(i.credits, 0), p.coins, p.credits)
FROM expected p LEFT JOIN issued i ON i.reference = p.id
WHERE coalesce(i.coins, 0) <> p.coins OR coalesce(i.credits, 0) <> p.credits LIMIT %s"""

# What the provider holds for a purchase, after everything that went back; a dispute holds all of it.
_PURCHASES_PAID = """
WITH moved AS (
    SELECT t.reference, -sum(e.amount) AS amount
    FROM ledger_transactions t
    JOIN ledger_entries e ON e.transaction_id = t.id
    JOIN accounts_ledger a ON a.id = e.account_id AND a.kind = 'PROVIDER'
    WHERE t.kind IN ('PURCHASE', 'REFUND', 'DISPUTE', 'DISPUTE_WON') GROUP BY t.reference
), expected AS (
    SELECT id, status,
           CASE WHEN paid_at IS NULL OR status = 'disputed' THEN 0 ELSE price - refunded_amount END AS amount
    FROM coin_purchases
)
SELECT p.id, format('%%s: %%s held, expected %%s', p.status, coalesce(m.amount, 0), p.amount)
FROM expected p LEFT JOIN moved m ON m.reference = p.id
WHERE coalesce(m.amount, 0) <> p.amount LIMIT %s"""

_GIFTS_PAID = """
SELECT g.id, format('%%s coins given, %%s paid', g.coins, coalesce(-sum(e.amount), 0))
FROM gift_transactions g
LEFT JOIN ledger_entries e ON e.transaction_id = g.ledger_transaction_id AND e.account_id IN (
    SELECT id FROM accounts_ledger WHERE kind = 'WALLET' AND owner_id = g.sender_id)
GROUP BY g.id HAVING g.coins <> coalesce(-sum(e.amount), 0) LIMIT %s"""

_SALES_PAID = """
SELECT p.id, format('%%s coins for it, %%s paid', p.coins, coalesce(-sum(e.amount), 0))
FROM marketplace_purchases p
LEFT JOIN ledger_entries e ON e.transaction_id = p.ledger_transaction_id AND e.account_id IN (
    SELECT id FROM accounts_ledger WHERE kind = 'WALLET' AND owner_id = p.buyer_id)
GROUP BY p.id HAVING p.coins <> coalesce(-sum(e.amount), 0) LIMIT %s"""

_ITEMS_SOLD = """
SELECT i.id, format('%%s sold, %%s bought', i.sold, coalesce(sum(p.quantity), 0))
FROM marketplace_items i LEFT JOIN marketplace_purchases p ON p.item_id = i.id
GROUP BY i.id HAVING i.sold <> coalesce(sum(p.quantity), 0) LIMIT %s"""

# What is held of a streamer's earnings is what they asked for and nobody decided yet.
_PAYOUTS_HELD = """
WITH held AS (
    SELECT a.owner_id AS user_id, a.currency, sum(e.amount) AS amount
    FROM accounts_ledger a JOIN ledger_entries e ON e.account_id = a.id
    WHERE a.kind = 'PAYOUTS' GROUP BY a.owner_id, a.currency
), asked AS (
    SELECT user_id, currency, sum(amount) AS amount FROM payouts WHERE status = 'pending' GROUP BY user_id, currency
)
SELECT user_id, format('%%s %%s held, %%s asked for', coalesce(held.amount, 0), currency, coalesce(asked.amount, 0))
FROM held FULL JOIN asked USING (user_id, currency)
WHERE coalesce(held.amount, 0) <> coalesce(asked.amount, 0) LIMIT %s"""

_PAID_OUT = """
WITH paid AS (
    SELECT a.currency, sum(e.amount) AS amount
    FROM accounts_ledger a JOIN ledger_entries e ON e.account_id = a.id
    WHERE a.kind = 'PAID_OUT' GROUP BY a.currency
), settled AS (
    SELECT currency, sum(amount) AS amount FROM payouts WHERE status = 'settled' GROUP BY currency
)
SELECT currency, format('%%s paid out, %%s settled', coalesce(paid.amount, 0), coalesce(settled.amount, 0))
FROM paid FULL JOIN settled USING (currency)
WHERE coalesce(paid.amount, 0) <> coalesce(settled.amount, 0) LIMIT %s"""

# What the subscriber's wallet or the provider paid for a month, less what went back of it.
_MONTHS_PAID = """
WITH moved AS (
    SELECT t.reference, -sum(e.amount) AS amount
    FROM ledger_transactions t
    JOIN ledger_entries e ON e.transaction_id = t.id
    JOIN accounts_ledger a ON a.id = e.account_id AND a.kind IN ('WALLET', 'PROVIDER')
    WHERE t.kind IN ('SUBSCRIPTION', 'REFUND', 'DISPUTE', 'DISPUTE_WON') GROUP BY t.reference
), expected AS (
    SELECT id, status, CASE status WHEN 'disputed' THEN 0 ELSE amount - refunded_amount END AS amount
    FROM subscription_payments
)
SELECT p.id, format('%%s: %%s paid, expected %%s', p.status, coalesce(m.amount, 0), p.amount)
FROM expected p LEFT JOIN moved m ON m.reference = p.id
WHERE coalesce(m.amount, 0) <> p.amount LIMIT %s"""

# A code's counter is what never lets it be used too often: it counts the uses that were not released.
_CODES_COUNTED = """
SELECT d.id, format('%%s uses counted, %%s redemptions', d.uses, count(r.id))
FROM discount_codes d LEFT JOIN discount_redemptions r ON r.discount_code_id = d.id AND r.released_at IS NULL
GROUP BY d.id HAVING d.uses <> count(r.id) LIMIT %s"""

_DEBTORS_FROZEN = """
SELECT w.owner_id, format('owes %%s coins, frozen: %%s', coalesce(d.owed, 0), w.frozen_at IS NOT NULL)
FROM accounts_ledger w LEFT JOIN (
    SELECT a.owner_id, -sum(e.amount) AS owed
    FROM accounts_ledger a JOIN ledger_entries e ON e.account_id = a.id
    WHERE a.kind = 'DEBT' GROUP BY a.owner_id
) d ON d.owner_id = w.owner_id
WHERE w.kind = 'WALLET' AND (coalesce(d.owed, 0) > 0) <> (w.frozen_at IS NOT NULL) LIMIT %s"""

CHECKS = {
    "cached_balances": _CACHED_BALANCES,
    "transactions_balance": _TRANSACTIONS_BALANCE,
    "currencies_sum_to_zero": _CURRENCIES_SUM_TO_ZERO,
    "purchases_credited_once": _PURCHASES_CREDITED,
    "purchases_paid": _PURCHASES_PAID,
    "gifts_paid": _GIFTS_PAID,
    "months_paid": _MONTHS_PAID,
    "codes_counted": _CODES_COUNTED,
    "debtors_frozen": _DEBTORS_FROZEN,
    "sales_paid": _SALES_PAID,
    "items_sold": _ITEMS_SOLD,
    "payouts_held": _PAYOUTS_HELD,
    "payouts_paid_out": _PAID_OUT,
}
