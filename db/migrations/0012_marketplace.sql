-- The marketplace, payouts, emotes, and what analytics count.
-- depends: 0010_commerce

-- Which accounts and transactions there are grows; the old checks hold until the new ones are proven on every row.
ALTER TABLE accounts_ledger
    ADD CONSTRAINT accounts_ledger_kind_listed CHECK (
        kind IN ('WALLET', 'DEBT', 'EARNINGS', 'PAYOUTS', 'ISSUED', 'FEES', 'REVENUE', 'REFUNDS', 'PROVIDER', 'PAID_OUT')
    ) NOT VALID,
    ADD CONSTRAINT accounts_ledger_owned_listed CHECK (
        (kind IN ('WALLET', 'DEBT', 'EARNINGS', 'PAYOUTS')) = (owner_id IS NOT NULL)
    ) NOT VALID;
ALTER TABLE accounts_ledger VALIDATE CONSTRAINT accounts_ledger_kind_listed;
ALTER TABLE accounts_ledger VALIDATE CONSTRAINT accounts_ledger_owned_listed;
ALTER TABLE accounts_ledger DROP CONSTRAINT accounts_ledger_kind_known, DROP CONSTRAINT accounts_ledger_owned;
ALTER TABLE accounts_ledger RENAME CONSTRAINT accounts_ledger_kind_listed TO accounts_ledger_kind_known;
ALTER TABLE accounts_ledger RENAME CONSTRAINT accounts_ledger_owned_listed TO accounts_ledger_owned;

ALTER TABLE ledger_transactions ADD CONSTRAINT ledger_transactions_kind_listed CHECK (
    kind IN ('PURCHASE', 'REFUND', 'DISPUTE', 'DISPUTE_WON', 'GIFT', 'GRANT', 'REVERSAL', 'SUBSCRIPTION',
             'MARKETPLACE', 'PAYOUT', 'PAYOUT_SETTLED', 'PAYOUT_REFUSED')
) NOT VALID;
ALTER TABLE ledger_transactions VALIDATE CONSTRAINT ledger_transactions_kind_listed;
ALTER TABLE ledger_transactions DROP CONSTRAINT ledger_transactions_kind_known;
ALTER TABLE ledger_transactions RENAME CONSTRAINT ledger_transactions_kind_listed TO ledger_transactions_kind_known;

-- What streamers sell for coins. The check on stock is what nothing oversells.
CREATE TABLE marketplace_items (
    id uuid PRIMARY KEY,
    seller_id uuid NOT NULL REFERENCES users ON DELETE RESTRICT,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    description text NOT NULL DEFAULT '' CHECK (length(description) <= 5000),
    image text CHECK (length(image) <= 500),
    price integer NOT NULL CONSTRAINT marketplace_items_price_bounded CHECK (price BETWEEN 1 AND 10000000),
    stock integer NOT NULL CONSTRAINT marketplace_items_stock_not_negative CHECK (stock >= 0),
    sold integer NOT NULL DEFAULT 0 CHECK (sold >= 0),
    withdrawn_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX marketplace_items_on_sale_idx ON marketplace_items (id DESC) WHERE withdrawn_at IS NULL;
CREATE INDEX marketplace_items_seller_idx ON marketplace_items (seller_id, id DESC);
CREATE TRIGGER marketplace_items_touch BEFORE UPDATE ON marketplace_items
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

-- `name` is what the item was called when it was bought.
CREATE TABLE marketplace_purchases (
    id uuid PRIMARY KEY,
    ledger_transaction_id uuid NOT NULL CONSTRAINT marketplace_purchases_ledger_key UNIQUE
        REFERENCES ledger_transactions ON DELETE RESTRICT,
    item_id uuid NOT NULL REFERENCES marketplace_items ON DELETE RESTRICT,
    buyer_id uuid NOT NULL REFERENCES users ON DELETE RESTRICT,
    seller_id uuid NOT NULL REFERENCES users ON DELETE RESTRICT,
    name text NOT NULL,
    quantity integer NOT NULL CONSTRAINT marketplace_purchases_quantity_bounded CHECK (quantity BETWEEN 1 AND 100),
    coins integer NOT NULL CHECK (coins > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT marketplace_purchases_not_of_oneself CHECK (buyer_id <> seller_id)
);
CREATE INDEX marketplace_purchases_item_idx ON marketplace_purchases (item_id);
CREATE INDEX marketplace_purchases_buyer_idx ON marketplace_purchases (buyer_id, id DESC);
CREATE INDEX marketplace_purchases_seller_idx ON marketplace_purchases (seller_id, id DESC);

-- Earnings that a streamer asked to be paid. The amount is held on the streamer's PAYOUTS account
-- from the asking on, and leaves it once: when the payout is settled, or refused.
CREATE TABLE payouts (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE RESTRICT,
    amount bigint NOT NULL CONSTRAINT payouts_amount_positive CHECK (amount > 0),
    currency text NOT NULL CONSTRAINT payouts_currency_form CHECK (currency ~ '^(COIN|[A-Z]{3})$'),
    status text NOT NULL DEFAULT 'pending'
        CONSTRAINT payouts_status_known CHECK (status IN ('pending', 'settled', 'refused')),
    account_last4 text NOT NULL,
    held_transaction_id uuid NOT NULL CONSTRAINT payouts_held_key UNIQUE
        REFERENCES ledger_transactions ON DELETE RESTRICT,
    final_transaction_id uuid CONSTRAINT payouts_final_key UNIQUE REFERENCES ledger_transactions ON DELETE RESTRICT,
    bank_reference text NOT NULL DEFAULT '' CHECK (length(bank_reference) <= 120),
    reason text NOT NULL DEFAULT '' CHECK (length(reason) <= 500),
    decided_by_id uuid REFERENCES users ON DELETE SET NULL,
    decided_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT payouts_decided_whole CHECK (
        (status = 'pending') = (decided_at IS NULL) AND (status = 'pending') = (final_transaction_id IS NULL)
    )
);
CREATE INDEX payouts_user_idx ON payouts (user_id, id DESC);
CREATE INDEX payouts_status_idx ON payouts (status, id DESC);
CREATE INDEX payouts_decided_by_idx ON payouts (decided_by_id);
CREATE TRIGGER payouts_touch BEFORE UPDATE ON payouts FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TABLE emotes (
    id uuid PRIMARY KEY,
    streamer_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    code text NOT NULL CONSTRAINT emotes_code_form CHECK (code ~ '^[A-Za-z0-9_]{2,32}$'),
    tier text NOT NULL CONSTRAINT emotes_tier_known CHECK (tier IN ('basic', 'pro', 'premium')),
    images jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX emotes_code_key ON emotes (streamer_id, lower(code));

-- What was sampled while a stream was live. `slots` has a bit for each quarter of the minute that was
-- sampled, so that two samplers count one moment once; `viewers` is the most that were seen in the minute.
CREATE TABLE stream_metrics_minute (
    stream_id uuid NOT NULL REFERENCES streams ON DELETE CASCADE,
    minute timestamptz NOT NULL,
    slots smallint NOT NULL DEFAULT 0 CHECK (slots BETWEEN 0 AND 15),
    samples smallint NOT NULL DEFAULT 0 CHECK (samples BETWEEN 0 AND 4),
    viewers_sum bigint NOT NULL DEFAULT 0 CHECK (viewers_sum >= 0),
    viewers integer NOT NULL DEFAULT 0 CHECK (viewers >= 0),
    messages integer NOT NULL DEFAULT 0 CHECK (messages >= 0),
    coins bigint NOT NULL DEFAULT 0 CHECK (coins >= 0),
    CONSTRAINT stream_metrics_minute_pkey PRIMARY KEY (stream_id, minute),
    CONSTRAINT stream_metrics_minute_whole CHECK (minute = date_trunc('minute', minute, 'UTC'))
);
CREATE INDEX stream_metrics_minute_time_idx ON stream_metrics_minute (minute);

-- What happened to a streamer in an hour that is over, and in a day (UTC). Sums and counts only:
-- what is shown of them (an average, a share) is worked out where it is shown.
CREATE TABLE analytics_hourly (
    streamer_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    at timestamptz NOT NULL,
    streamed_ms bigint NOT NULL,
    viewers_sum bigint NOT NULL,
    samples integer NOT NULL,
    peak_viewers integer NOT NULL,
    messages integer NOT NULL,
    unique_chatters integer NOT NULL,
    coins bigint NOT NULL,
    gifts integer NOT NULL,
    new_followers integer NOT NULL,
    new_subscribers integer NOT NULL,
    CONSTRAINT analytics_hourly_pkey PRIMARY KEY (streamer_id, at),
    CONSTRAINT analytics_hourly_whole CHECK (at = date_trunc('hour', at, 'UTC'))
);
CREATE INDEX analytics_hourly_time_idx ON analytics_hourly (at);

CREATE TABLE analytics_daily (LIKE analytics_hourly);
ALTER TABLE analytics_daily
    ADD CONSTRAINT analytics_daily_pkey PRIMARY KEY (streamer_id, at),
    ADD CONSTRAINT analytics_daily_streamer_fkey FOREIGN KEY (streamer_id) REFERENCES users ON DELETE CASCADE,
    ADD CONSTRAINT analytics_daily_whole CHECK (at = date_trunc('day', at, 'UTC'));
CREATE INDEX analytics_daily_time_idx ON analytics_daily (at);

-- Who chatted with whom in which hour: distinct people cannot be summed up from hours.
CREATE TABLE analytics_chatters (
    streamer_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    at timestamptz NOT NULL,
    chatter_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    CONSTRAINT analytics_chatters_pkey PRIMARY KEY (streamer_id, at, chatter_id)
);
CREATE INDEX analytics_chatters_time_idx ON analytics_chatters (at);
CREATE INDEX analytics_chatters_chatter_idx ON analytics_chatters (chatter_id);

-- Up to when each table is rolled up (no row: it never was); what came later is counted from the raw
-- rows when it is asked for.
CREATE TABLE analytics_progress (
    name text PRIMARY KEY CHECK (name IN ('hourly', 'daily')),
    until timestamptz NOT NULL
);

-- What the roll-ups look for over all streamers, by time.
CREATE INDEX follows_created_idx ON follows (created_at);
CREATE INDEX streams_ended_idx ON streams (ended_at);
CREATE INDEX subscriptions_started_idx ON subscriptions (started_at);

-- Payouts are their streamer's and the administrators'; purchases their buyer's and their seller's.
ALTER TABLE payouts ENABLE ROW LEVEL SECURITY;
CREATE POLICY payouts_own ON payouts USING (
    user_id = NULLIF(current_setting('astrotv.user_id', true), '')::uuid
    OR current_setting('astrotv.role', true) IN ('admin', 'system')
);
ALTER TABLE marketplace_purchases ENABLE ROW LEVEL SECURITY;
CREATE POLICY marketplace_purchases_own ON marketplace_purchases USING (
    NULLIF(current_setting('astrotv.user_id', true), '')::uuid IN (buyer_id, seller_id)
    OR current_setting('astrotv.role', true) IN ('admin', 'system')
);
