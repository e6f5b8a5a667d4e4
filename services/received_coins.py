"""Coins that reached a streamer, whatever for: gifts, things sold, subscriptions paid in coins."""

#: Rows of (streamer_id, coins, gifts, created_at) of everything whose id is not below `floor`: ids
#: sort by the time at which they were made, so that the newest are found without reading the rest.
#: Coins are what the viewer paid, before the platform's share.
RECEIVED = """
SELECT streamer_id, coins::bigint AS coins, quantity AS gifts, created_at
FROM gift_transactions WHERE id >= %(floor)s
UNION ALL
SELECT seller_id, coins::bigint, 0, created_at FROM marketplace_purchases WHERE id >= %(floor)s
UNION ALL
SELECT s.streamer_id, p.amount::bigint, 0, p.created_at
FROM subscription_payments p JOIN subscriptions s ON s.id = p.subscription_id
WHERE p.id >= %(floor)s AND p.currency = 'COIN'"""
