"""Purchases that nobody will pay any more, closed where no provider says so.

Stripe tells of every checkout that expires. Dodo does not, and of a checkout that could not be
opened nobody tells. All are over after a day, and give back the use of a discount code.
"""

from datetime import timedelta

from db.connection import query
from db.transactions import atomic
from services import clock, discounts

OPEN_FOR = timedelta(hours=25)
BATCH = 500


def close_abandoned() -> int:
    """Close what was left a day ago; returns how many."""
    left_before = clock.now() - OPEN_FOR
    with atomic():
        closed = query(_CLOSE, (left_before, BATCH))
        failed = query(_FAILED, (left_before, BATCH))
        for (purchase_id,) in (*closed, *failed):
            discounts.release(purchase_id)
    return len(closed)


_CLOSE = """
WITH due AS MATERIALIZED (
    SELECT id FROM coin_purchases
    WHERE status = 'pending' AND created_at < %s AND (provider = 'dodo' OR session IS NULL)
    ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
)
UPDATE coin_purchases p SET status = 'expired' FROM due WHERE p.id = due.id RETURNING p.id"""

# A try that failed leaves its code in use while another may follow it.
_FAILED = """
SELECT p.id FROM coin_purchases p
JOIN discount_redemptions r ON r.purchase_id = p.id AND r.released_at IS NULL
WHERE p.status = 'failed' AND p.created_at < %s LIMIT %s FOR UPDATE OF p SKIP LOCKED"""
