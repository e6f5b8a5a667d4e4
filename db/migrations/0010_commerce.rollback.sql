DROP INDEX payment_sandbox_sessions_open_idx;
DROP TABLE payment_sandbox_products, provider_products, subscription_payments, subscriptions, discount_redemptions, discount_code_packs, discount_codes;
ALTER TABLE payment_sandbox_deliveries DROP COLUMN provider;
ALTER TABLE payment_sandbox_sessions DROP COLUMN provider, DROP COLUMN mode, DROP COLUMN completed_at, DROP COLUMN period_ends_at, DROP COLUMN periods, DROP COLUMN subscription_status, DROP COLUMN cancels_at_period_end;
ALTER TABLE channels DROP COLUMN content_tier;
ALTER TABLE coin_packs DROP COLUMN reward_percent_off;
ALTER TABLE ledger_transactions DROP CONSTRAINT ledger_transactions_kind_known;
ALTER TABLE ledger_transactions ADD CONSTRAINT ledger_transactions_kind_known CHECK (kind IN ('PURCHASE', 'REFUND', 'DISPUTE', 'DISPUTE_WON', 'GIFT', 'GRANT', 'REVERSAL')) NOT VALID;
ALTER TABLE coin_purchases DROP COLUMN refunds;
