-- What leaves the process after a commit, and what must be done only once.
-- depends: 0001_accounts

CREATE TABLE outbox (
    id uuid PRIMARY KEY,
    kind text NOT NULL CONSTRAINT outbox_kind_known CHECK (kind IN ('job', 'event')),
    name text NOT NULL,
    payload jsonb NOT NULL,
    request_id text NOT NULL DEFAULT '',
    attempts integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX outbox_created_idx ON outbox (created_at);

CREATE TABLE dead_letters (
    id uuid PRIMARY KEY,
    job text NOT NULL,
    payload jsonb NOT NULL,
    error text NOT NULL,
    attempts integer NOT NULL,
    request_id text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX dead_letters_created_idx ON dead_letters (created_at DESC);

CREATE TABLE idempotency_keys (
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    key text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    fingerprint bytea NOT NULL,
    status integer,
    headers jsonb,
    body bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_created_idx ON idempotency_keys (created_at);

CREATE TABLE notifications (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    kind text NOT NULL CHECK (length(kind) <= 40),
    title text NOT NULL CHECK (length(title) <= 200),
    body text NOT NULL DEFAULT '' CHECK (length(body) <= 1000),
    data jsonb NOT NULL DEFAULT '{}',
    cause_id uuid, -- what it is about; nobody is told twice of the same
    read_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX notifications_user_idx ON notifications (user_id, read_at, created_at DESC);
CREATE UNIQUE INDEX notifications_cause_key ON notifications (user_id, kind, cause_id) WHERE cause_id IS NOT NULL;
