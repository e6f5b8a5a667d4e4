DROP TABLE payment_sandbox_deliveries, payment_sandbox_sessions, webhook_events, loyalty_levels, loyalty_points, gift_transactions, gifts, coin_purchases, coin_packs, ledger_entries, ledger_transactions, accounts_ledger;
DROP FUNCTION ledger_is_append_only();
DROP FUNCTION ledger_transaction_must_balance();
