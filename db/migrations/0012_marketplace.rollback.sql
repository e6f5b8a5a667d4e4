DROP INDEX subscriptions_started_idx, streams_ended_idx, follows_created_idx;
DROP TABLE analytics_progress, analytics_chatters, analytics_daily, analytics_hourly, stream_metrics_minute, emotes, payouts, marketplace_purchases, marketplace_items;
ALTER TABLE ledger_transactions DROP CONSTRAINT ledger_transactions_kind_known;
ALTER TABLE ledger_transactions ADD CONSTRAINT ledger_transactions_kind_known CHECK (kind IN ('PURCHASE', 'REFUND', 'DISPUTE', 'DISPUTE_WON', 'GIFT', 'GRANT', 'REVERSAL', 'SUBSCRIPTION')) NOT VALID;
ALTER TABLE accounts_ledger DROP CONSTRAINT accounts_ledger_kind_known, DROP CONSTRAINT accounts_ledger_owned;
ALTER TABLE accounts_ledger ADD CONSTRAINT accounts_ledger_kind_known CHECK (kind IN ('WALLET', 'DEBT', 'EARNINGS', 'ISSUED', 'FEES', 'REVENUE', 'REFUNDS', 'PROVIDER')) NOT VALID, ADD CONSTRAINT accounts_ledger_owned CHECK ((kind IN ('WALLET', 'DEBT', 'EARNINGS')) = (owner_id IS NOT NULL)) NOT VALID;
