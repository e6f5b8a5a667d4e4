-- Discounts and subscriptions, and what the payment sandbox needs to play them for two providers.
-- depends: 0005_money

-- Which transactions there are grows; the old check holds until the new one is proven on every row.
ALTER TABLE ledger_transactions ADD CONSTRAINT ledger_transactions_kind_listed CHECK (
    kind IN ('PURCHASE', 'REFUND', 'DISPUTE', 'DISPUTE_WON', 'GIFT', 'GRANT', 'REVERSAL', 'SUBSCRIPTION')
) NOT VALID;
ALTER TABLE ledger_transactions VALIDATE CONSTRAINT ledger_transactions_kind_listed;
ALTER TABLE ledger_transactions DROP CONSTRAINT ledger_transactions_kind_known;
ALTER TABLE ledger_transactions RENAME CONSTRAINT ledger_transactions_kind_listed TO ledger_transactions_kind_known;

-- What buying a pack earns: a personal code of so many per cent off the next purchase.
ALTER TABLE coin_packs ADD COLUMN reward_percent_off integer
    CONSTRAINT coin_packs_reward_bounded CHECK (reward_percent_off BETWEEN 1 AND 90);
UPDATE coin_packs SET reward_percent_off = 10 WHERE id = '01900000-0000-7000-8000-000000000103';
UPDATE coin_packs SET reward_percent_off = 15 WHERE id = '01900000-0000-7000-8000-000000000104';

-- The refunds that were counted, where a provider tells them one by one and not in all.
ALTER TABLE coin_purchases ADD COLUMN refunds text[] NOT NULL DEFAULT '{}';

CREATE TABLE discount_codes (
    id uuid PRIMARY KEY,
    code text NOT NULL CONSTRAINT discount_codes_code_form CHECK (code ~ '^[A-Z0-9][A-Z0-9_-]{2,39}$'),
    kind text NOT NULL CONSTRAINT discount_codes_kind_known CHECK (kind IN ('percent', 'bonus')),
    percent_off integer CONSTRAINT discount_codes_percent_bounded CHECK (percent_off BETWEEN 1 AND 90),
    bonus_coins integer CONSTRAINT discount_codes_bonus_bounded CHECK (bonus_coins BETWEEN 1 AND 1000000),
    owner_id uuid REFERENCES users ON DELETE CASCADE,
    earned_by_id uuid CONSTRAINT discount_codes_earned_key UNIQUE REFERENCES coin_purchases ON DELETE RESTRICT,
    starts_at timestamptz,
    ends_at timestamptz,
    max_uses integer CONSTRAINT discount_codes_max_uses_positive CHECK (max_uses > 0),
    max_uses_per_user integer NOT NULL DEFAULT 1
        CONSTRAINT discount_codes_max_uses_per_user_positive CHECK (max_uses_per_user > 0),
    uses integer NOT NULL DEFAULT 0,
    is_active boolean NOT NULL DEFAULT true,
    created_by_id uuid REFERENCES users ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT discount_codes_code_key UNIQUE (code),
    CONSTRAINT discount_codes_gives_one_thing CHECK (
        (kind = 'percent' AND percent_off IS NOT NULL AND bonus_coins IS NULL)
        OR (kind = 'bonus' AND bonus_coins IS NOT NULL AND percent_off IS NULL)
    ),
    CONSTRAINT discount_codes_never_over_redeemed CHECK (uses >= 0 AND (max_uses IS NULL OR uses <= max_uses)),
    CONSTRAINT discount_codes_period_forward CHECK (starts_at IS NULL OR ends_at IS NULL OR starts_at < ends_at)
);
CREATE INDEX discount_codes_owner_idx ON discount_codes (owner_id, id DESC);
CREATE INDEX discount_codes_created_by_idx ON discount_codes (created_by_id);
CREATE TRIGGER discount_codes_touch BEFORE UPDATE ON discount_codes
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

-- The packs that a code is for; a code without any is for all.
CREATE TABLE discount_code_packs (
    discount_code_id uuid NOT NULL REFERENCES discount_codes ON DELETE CASCADE,
    coin_pack_id uuid NOT NULL REFERENCES coin_packs ON DELETE RESTRICT,
    CONSTRAINT discount_code_packs_pkey PRIMARY KEY (discount_code_id, coin_pack_id)
);
CREATE INDEX discount_code_packs_pack_idx ON discount_code_packs (coin_pack_id);

-- A use that counts until it is released: the checkout that it was for came to nothing.
CREATE TABLE discount_redemptions (
    id uuid PRIMARY KEY,
    discount_code_id uuid NOT NULL REFERENCES discount_codes ON DELETE RESTRICT,
    purchase_id uuid NOT NULL REFERENCES coin_purchases ON DELETE RESTRICT,
    user_id uuid NOT NULL REFERENCES users ON DELETE RESTRICT,
    released_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT discount_redemptions_purchase_key UNIQUE (discount_code_id, purchase_id)
);
CREATE INDEX discount_redemptions_purchase_idx ON discount_redemptions (purchase_id);
CREATE INDEX discount_redemptions_user_idx ON discount_redemptions (user_id);
CREATE INDEX discount_redemptions_counting_idx ON discount_redemptions (discount_code_id, user_id)
    WHERE released_at IS NULL;

-- The tier from which a channel's subscribers see what is for subscribers.
ALTER TABLE channels ADD COLUMN content_tier text NOT NULL DEFAULT 'premium'
    CONSTRAINT channels_content_tier_known CHECK (content_tier IN ('basic', 'pro', 'premium'));

CREATE TABLE subscriptions (
    id uuid PRIMARY KEY,
    subscriber_id uuid NOT NULL REFERENCES users ON DELETE RESTRICT,
    streamer_id uuid NOT NULL REFERENCES users ON DELETE RESTRICT,
    tier text NOT NULL CONSTRAINT subscriptions_tier_known CHECK (tier IN ('basic', 'pro', 'premium')),
    payment_method text NOT NULL
        CONSTRAINT subscriptions_method_known CHECK (payment_method IN ('card', 'coins')),
    price integer NOT NULL CONSTRAINT subscriptions_price_positive CHECK (price > 0),
    currency text NOT NULL CONSTRAINT subscriptions_currency_form CHECK (currency ~ '^(COIN|[A-Z]{3})$'),
    status text NOT NULL DEFAULT 'pending' CONSTRAINT subscriptions_status_known CHECK (
        status IN ('pending', 'active', 'cancelled', 'expired')
    ),
    provider text,
    provider_subscription text,
    session text,
    checkout_url text,
    anchor_at timestamptz,
    periods integer NOT NULL DEFAULT 0,
    carried_s integer NOT NULL DEFAULT 0 CONSTRAINT subscriptions_carried_not_negative CHECK (carried_s >= 0),
    started_at timestamptz,
    expires_at timestamptz,
    past_due_at timestamptz,
    warned_at timestamptz,
    cancelled_at timestamptz,
    ended_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT subscriptions_not_of_oneself CHECK (subscriber_id <> streamer_id),
    CONSTRAINT subscriptions_paid_in_kind CHECK ((payment_method = 'coins') = (currency = 'COIN')),
    CONSTRAINT subscriptions_provider_of_cards CHECK ((payment_method = 'card') = (provider IS NOT NULL)),
    CONSTRAINT subscriptions_running_has_end CHECK (
        status NOT IN ('active', 'cancelled')
        OR (started_at IS NOT NULL AND anchor_at IS NOT NULL AND expires_at IS NOT NULL)
    ),
    CONSTRAINT subscriptions_ended_says_when CHECK ((status = 'expired') = (ended_at IS NOT NULL)),
    CONSTRAINT subscriptions_provider_key UNIQUE (provider, provider_subscription),
    CONSTRAINT subscriptions_session_key UNIQUE (provider, session)
);
-- One that was cancelled still runs to its end, and is one of a pair until then.
CREATE UNIQUE INDEX subscriptions_running_pair_key ON subscriptions (subscriber_id, streamer_id)
    WHERE status IN ('active', 'cancelled');
CREATE INDEX subscriptions_pending_pair_idx ON subscriptions (subscriber_id, streamer_id) WHERE status = 'pending';
CREATE INDEX subscriptions_subscriber_idx ON subscriptions (subscriber_id, id DESC);
CREATE INDEX subscriptions_streamer_idx ON subscriptions (streamer_id, id DESC);
CREATE INDEX subscriptions_due_idx ON subscriptions (expires_at) WHERE status IN ('active', 'cancelled');
CREATE INDEX subscriptions_stale_idx ON subscriptions (created_at) WHERE status = 'pending';
CREATE TRIGGER subscriptions_touch BEFORE UPDATE ON subscriptions
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

-- Every month (and every upgrade) that was paid for, and what went back of it.
CREATE TABLE subscription_payments (
    id uuid PRIMARY KEY,
    subscription_id uuid NOT NULL REFERENCES subscriptions ON DELETE RESTRICT,
    ledger_transaction_id uuid NOT NULL CONSTRAINT subscription_payments_ledger_key UNIQUE
        REFERENCES ledger_transactions ON DELETE RESTRICT,
    amount integer NOT NULL CHECK (amount > 0),
    currency text NOT NULL CHECK (currency ~ '^(COIN|[A-Z]{3})$'),
    provider text,
    invoice text,
    payment text,
    period_ends_at timestamptz NOT NULL,
    status text NOT NULL DEFAULT 'paid'
        CONSTRAINT subscription_payments_status_known CHECK (status IN ('paid', 'disputed', 'refunded')),
    refunded_amount integer NOT NULL DEFAULT 0,
    refunds text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT subscription_payments_invoice_key UNIQUE (provider, invoice),
    CONSTRAINT subscription_payments_payment_key UNIQUE (provider, payment),
    CONSTRAINT subscription_payments_refund_bounded CHECK (refunded_amount BETWEEN 0 AND amount)
);
CREATE INDEX subscription_payments_subscription_idx ON subscription_payments (subscription_id, id DESC);
CREATE TRIGGER subscription_payments_touch BEFORE UPDATE ON subscription_payments
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

-- What a provider calls a thing that we sell, where it wants a product before it opens a checkout.
CREATE TABLE provider_products (
    provider text NOT NULL,
    fingerprint text NOT NULL CHECK (length(fingerprint) BETWEEN 1 AND 200),
    product text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT provider_products_pkey PRIMARY KEY (provider, fingerprint)
);

-- The payment sandbox plays two providers, and their subscriptions.
ALTER TABLE payment_sandbox_sessions
    ADD COLUMN provider text NOT NULL DEFAULT 'stripe',
    ADD COLUMN mode text NOT NULL DEFAULT 'payment'
        CONSTRAINT payment_sandbox_sessions_mode_known CHECK (mode IN ('payment', 'subscription')),
    ADD COLUMN completed_at timestamptz,
    ADD COLUMN period_ends_at timestamptz,
    ADD COLUMN periods integer NOT NULL DEFAULT 0,
    ADD COLUMN subscription_status text,
    ADD COLUMN cancels_at_period_end boolean NOT NULL DEFAULT false;
CREATE INDEX payment_sandbox_sessions_open_idx ON payment_sandbox_sessions (created_at) WHERE status = 'open';
CREATE INDEX payment_sandbox_sessions_completed_idx ON payment_sandbox_sessions (provider, completed_at) WHERE paid;
CREATE INDEX payment_sandbox_sessions_running_idx ON payment_sandbox_sessions (period_ends_at)
    WHERE subscription_status IN ('active', 'past_due');
ALTER TABLE payment_sandbox_deliveries ADD COLUMN provider text NOT NULL DEFAULT 'stripe';

CREATE TABLE payment_sandbox_products (
    id text PRIMARY KEY,
    name text NOT NULL,
    amount integer NOT NULL CHECK (amount >= 0),
    currency text NOT NULL,
    is_recurring boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
