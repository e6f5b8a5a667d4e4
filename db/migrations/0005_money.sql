-- Coins and money: the ledger, what is bought, what is given, and what providers told us.
-- depends: 0004_channels

-- One row an account. Only a wallet caches its balance: every other account is the sum of its
-- entries, so that a platform account or a popular creator is never a row that all wait for.
CREATE TABLE accounts_ledger (
    id uuid PRIMARY KEY,
    kind text NOT NULL CONSTRAINT accounts_ledger_kind_known CHECK (
        kind IN ('WALLET', 'DEBT', 'EARNINGS', 'ISSUED', 'FEES', 'REVENUE', 'REFUNDS', 'PROVIDER')
    ),
    owner_id uuid REFERENCES users ON DELETE RESTRICT,
    currency text NOT NULL CONSTRAINT accounts_ledger_currency_form CHECK (currency ~ '^(COIN|[A-Z]{3})$'),
    balance bigint,
    frozen_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT accounts_ledger_currency_key UNIQUE (id, currency),
    CONSTRAINT accounts_ledger_owned CHECK ((kind IN ('WALLET', 'DEBT', 'EARNINGS')) = (owner_id IS NOT NULL)),
    CONSTRAINT accounts_ledger_cached CHECK ((kind = 'WALLET') = (balance IS NOT NULL)),
    CONSTRAINT accounts_ledger_balance_not_negative CHECK (balance >= 0)
);
CREATE UNIQUE INDEX accounts_ledger_owner_key ON accounts_ledger (owner_id, kind, currency)
    WHERE owner_id IS NOT NULL;
CREATE UNIQUE INDEX accounts_ledger_platform_key ON accounts_ledger (kind, currency)
    WHERE owner_id IS NULL;
CREATE TRIGGER accounts_ledger_touch BEFORE UPDATE ON accounts_ledger
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TABLE ledger_transactions (
    id uuid PRIMARY KEY,
    kind text NOT NULL CONSTRAINT ledger_transactions_kind_known CHECK (
        kind IN ('PURCHASE', 'REFUND', 'DISPUTE', 'DISPUTE_WON', 'GIFT', 'GRANT', 'REVERSAL')
    ),
    currency text NOT NULL,
    reference uuid NOT NULL,
    idempotency_key text NOT NULL CONSTRAINT ledger_transactions_idempotency_key UNIQUE
        CHECK (length(idempotency_key) BETWEEN 1 AND 200),
    provider text,
    payment text,
    purpose text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ledger_transactions_currency_key UNIQUE (id, currency),
    CONSTRAINT ledger_transactions_payment_whole CHECK (num_nonnulls(provider, payment, purpose) IN (0, 3))
);
CREATE UNIQUE INDEX ledger_transactions_payment_key ON ledger_transactions (provider, payment, purpose)
    WHERE payment IS NOT NULL;
CREATE INDEX ledger_transactions_reference_idx ON ledger_transactions (reference);

-- The composite keys hold an entry to the currency of its account and of its transaction.
CREATE TABLE ledger_entries (
    id uuid PRIMARY KEY,
    transaction_id uuid NOT NULL,
    account_id uuid NOT NULL,
    currency text NOT NULL,
    amount bigint NOT NULL CONSTRAINT ledger_entries_amount_not_zero CHECK (amount <> 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ledger_entries_transaction_fkey FOREIGN KEY (transaction_id, currency)
        REFERENCES ledger_transactions (id, currency) ON DELETE RESTRICT,
    CONSTRAINT ledger_entries_account_fkey FOREIGN KEY (account_id, currency)
        REFERENCES accounts_ledger (id, currency) ON DELETE RESTRICT
);
CREATE INDEX ledger_entries_transaction_idx ON ledger_entries (transaction_id);
CREATE INDEX ledger_entries_account_idx ON ledger_entries (account_id, id DESC) INCLUDE (amount);

-- Runs as the owner of the schema, so that row-level security can never hide half of a transaction.
CREATE FUNCTION ledger_transaction_must_balance() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    subject uuid := CASE TG_TABLE_NAME WHEN 'ledger_entries' THEN (to_jsonb(NEW) ->> 'transaction_id')::uuid
                                       ELSE NEW.id END;
    entries bigint;
    total numeric;
BEGIN
    SELECT count(*), coalesce(sum(amount), 0) INTO entries, total
        FROM ledger_entries WHERE transaction_id = subject;
    IF entries < 2 OR total <> 0 THEN
        RAISE EXCEPTION 'ledger transaction % has % entries that sum to %', subject, entries, total
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_transactions_balanced',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER ledger_transactions_balanced AFTER INSERT ON ledger_transactions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_transaction_must_balance();
CREATE CONSTRAINT TRIGGER ledger_entries_balanced AFTER INSERT ON ledger_entries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_transaction_must_balance();

CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: mend a mistake with a reversing transaction', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'ledger_append_only', TABLE = TG_TABLE_NAME;
END $$;

CREATE TRIGGER ledger_transactions_append_only BEFORE UPDATE OR DELETE ON ledger_transactions
    FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER ledger_entries_append_only BEFORE UPDATE OR DELETE ON ledger_entries
    FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only();
REVOKE UPDATE, DELETE, TRUNCATE ON ledger_transactions, ledger_entries FROM astrotv_app;
REVOKE DELETE, TRUNCATE ON accounts_ledger FROM astrotv_app;

CREATE TABLE coin_packs (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    coins integer NOT NULL CONSTRAINT coin_packs_coins_positive CHECK (coins > 0),
    price integer NOT NULL CONSTRAINT coin_packs_price_positive CHECK (price > 0),
    currency text NOT NULL CONSTRAINT coin_packs_currency_form CHECK (currency ~ '^[A-Z]{3}$'),
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX coin_packs_on_sale_idx ON coin_packs (coins, id) WHERE is_active;
CREATE TRIGGER coin_packs_touch BEFORE UPDATE ON coin_packs
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TABLE coin_purchases (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE RESTRICT,
    coin_pack_id uuid NOT NULL REFERENCES coin_packs ON DELETE RESTRICT,
    coins integer NOT NULL CHECK (coins > 0),
    bonus_coins integer NOT NULL DEFAULT 0 CHECK (bonus_coins >= 0),
    price integer NOT NULL CHECK (price > 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    provider text NOT NULL,
    status text NOT NULL DEFAULT 'pending' CONSTRAINT coin_purchases_status_known CHECK (
        status IN ('pending', 'paid', 'failed', 'expired', 'disputed', 'refunded')
    ),
    success_url text NOT NULL,
    cancel_url text NOT NULL,
    session text,
    checkout_url text,
    payment text,
    unavailable_at timestamptz,
    paid_at timestamptz,
    refunded_amount integer NOT NULL DEFAULT 0,
    reversed_coins integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT coin_purchases_session_key UNIQUE (provider, session),
    CONSTRAINT coin_purchases_payment_key UNIQUE (provider, payment),
    CONSTRAINT coin_purchases_refund_bounded CHECK (refunded_amount BETWEEN 0 AND price),
    CONSTRAINT coin_purchases_reversal_bounded CHECK (reversed_coins BETWEEN 0 AND coins + bonus_coins),
    CONSTRAINT coin_purchases_paid_says_when CHECK (
        status NOT IN ('paid', 'disputed') OR (paid_at IS NOT NULL AND payment IS NOT NULL)
    )
);
CREATE INDEX coin_purchases_user_idx ON coin_purchases (user_id, id DESC);
CREATE INDEX coin_purchases_pack_idx ON coin_purchases (coin_pack_id);
CREATE INDEX coin_purchases_retry_idx ON coin_purchases (user_id) WHERE unavailable_at IS NOT NULL;
CREATE TRIGGER coin_purchases_touch BEFORE UPDATE ON coin_purchases
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TABLE gifts (
    id uuid PRIMARY KEY,
    streamer_id uuid REFERENCES users ON DELETE CASCADE,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 60),
    icon text NOT NULL DEFAULT '' CHECK (length(icon) <= 500),
    cost integer NOT NULL CONSTRAINT gifts_cost_bounded CHECK (cost BETWEEN 1 AND 1000000),
    points integer NOT NULL CONSTRAINT gifts_points_bounded CHECK (points BETWEEN 0 AND 1000000),
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX gifts_on_offer_idx ON gifts (streamer_id, cost, id) WHERE is_active;
CREATE INDEX gifts_streamer_idx ON gifts (streamer_id);
CREATE TRIGGER gifts_touch BEFORE UPDATE ON gifts FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TABLE gift_transactions (
    id uuid PRIMARY KEY,
    ledger_transaction_id uuid NOT NULL CONSTRAINT gift_transactions_ledger_key UNIQUE
        REFERENCES ledger_transactions ON DELETE RESTRICT,
    gift_id uuid NOT NULL REFERENCES gifts ON DELETE RESTRICT,
    sender_id uuid NOT NULL REFERENCES users ON DELETE RESTRICT,
    streamer_id uuid NOT NULL REFERENCES users ON DELETE RESTRICT,
    stream_id uuid REFERENCES streams ON DELETE SET NULL,
    quantity integer NOT NULL CONSTRAINT gift_transactions_quantity_bounded CHECK (quantity BETWEEN 1 AND 100),
    coins integer NOT NULL CHECK (coins > 0),
    points integer NOT NULL CHECK (points >= 0),
    message text NOT NULL DEFAULT '' CHECK (length(message) <= 200),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT gift_transactions_not_oneself CHECK (sender_id <> streamer_id)
);
CREATE INDEX gift_transactions_gift_idx ON gift_transactions (gift_id);
CREATE INDEX gift_transactions_sender_idx ON gift_transactions (sender_id, id DESC);
CREATE INDEX gift_transactions_streamer_idx ON gift_transactions (streamer_id, id DESC);
CREATE INDEX gift_transactions_stream_idx ON gift_transactions (stream_id);

-- What a viewer earned with one streamer: never spent.
CREATE TABLE loyalty_points (
    viewer_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    streamer_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    points bigint NOT NULL CHECK (points >= 0),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT loyalty_points_pkey PRIMARY KEY (viewer_id, streamer_id)
);
CREATE INDEX loyalty_points_streamer_idx ON loyalty_points (streamer_id, points DESC);
CREATE TRIGGER loyalty_points_touch BEFORE UPDATE ON loyalty_points
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

-- A streamer's own ladder, climbed with the points earned with them.
CREATE TABLE loyalty_levels (
    id uuid PRIMARY KEY,
    streamer_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 60),
    required_points integer NOT NULL CHECK (required_points >= 0),
    reward text NOT NULL DEFAULT '' CHECK (length(reward) <= 200),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT loyalty_levels_points_key UNIQUE (streamer_id, required_points) DEFERRABLE INITIALLY IMMEDIATE
);
CREATE TRIGGER loyalty_levels_touch BEFORE UPDATE ON loyalty_levels
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

-- Everything that providers told us with a good signature, as it was signed.
CREATE TABLE webhook_events (
    id uuid PRIMARY KEY,
    provider text NOT NULL,
    event_id text NOT NULL CHECK (length(event_id) BETWEEN 1 AND 255),
    kind text NOT NULL CHECK (length(kind) <= 120),
    payload text NOT NULL,
    state text NOT NULL DEFAULT 'RECEIVED' CONSTRAINT webhook_events_state_known CHECK (
        state IN ('RECEIVED', 'PROCESSED', 'IGNORED', 'FAILED')
    ),
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    error text NOT NULL DEFAULT '',
    request_id text NOT NULL DEFAULT '',
    received_at timestamptz NOT NULL DEFAULT now(),
    processed_at timestamptz,
    CONSTRAINT webhook_events_event_key UNIQUE (provider, event_id),
    CONSTRAINT webhook_events_settled_says_when CHECK (
        (state IN ('PROCESSED', 'IGNORED')) = (processed_at IS NOT NULL)
    )
);
CREATE INDEX webhook_events_state_idx ON webhook_events (state, id DESC);
CREATE INDEX webhook_events_due_idx ON webhook_events (next_attempt_at) WHERE state = 'RECEIVED';

-- The payment sandbox: the books of a provider that exists only here.
CREATE TABLE payment_sandbox_sessions (
    id text PRIMARY KEY,
    idempotency_key text CONSTRAINT payment_sandbox_sessions_idempotency_key UNIQUE,
    request jsonb NOT NULL,
    amount integer NOT NULL CHECK (amount >= 0),
    currency text NOT NULL,
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'complete', 'expired')),
    paid boolean NOT NULL DEFAULT false,
    refunded_amount integer NOT NULL DEFAULT 0,
    is_disputed boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT payment_sandbox_sessions_refund_bounded CHECK (refunded_amount BETWEEN 0 AND amount)
);

CREATE TABLE payment_sandbox_deliveries (
    id uuid PRIMARY KEY,
    batch_id uuid NOT NULL,
    session_id text NOT NULL REFERENCES payment_sandbox_sessions ON DELETE CASCADE,
    position integer NOT NULL,
    body text NOT NULL,
    due_at timestamptz NOT NULL,
    sent_at timestamptz,
    CONSTRAINT payment_sandbox_deliveries_position_key UNIQUE (batch_id, position)
);
CREATE INDEX payment_sandbox_deliveries_session_idx ON payment_sandbox_deliveries (session_id);
CREATE INDEX payment_sandbox_deliveries_unsent_idx ON payment_sandbox_deliveries (due_at)
    WHERE sent_at IS NULL;

-- What every installation sells and offers on its first day.
INSERT INTO coin_packs (id, name, coins, price, currency) VALUES
    ('01900000-0000-7000-8000-000000000101', 'Spark', 100, 490, 'PEN'),
    ('01900000-0000-7000-8000-000000000102', 'Comet', 500, 1990, 'PEN'),
    ('01900000-0000-7000-8000-000000000103', 'Nova', 1200, 4490, 'PEN'),
    ('01900000-0000-7000-8000-000000000104', 'Galaxy', 6500, 21990, 'PEN');

INSERT INTO gifts (id, name, icon, cost, points) VALUES
    ('01900000-0000-7000-8000-000000000201', 'Star', '⭐', 1, 1),
    ('01900000-0000-7000-8000-000000000202', 'Heart', '💜', 10, 10),
    ('01900000-0000-7000-8000-000000000203', 'Rocket', '🚀', 50, 55),
    ('01900000-0000-7000-8000-000000000204', 'Planet', '🪐', 200, 230),
    ('01900000-0000-7000-8000-000000000205', 'Supernova', '🌟', 1000, 1250);
