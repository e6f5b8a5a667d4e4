-- Codes by mail, former usernames, uploads, and what only a creator and the platform know of each other.
-- depends: 0005_money

ALTER TABLE users ADD COLUMN suspension_reason text NOT NULL DEFAULT ''
    CONSTRAINT users_suspension_reason_length CHECK (length(suspension_reason) <= 500);

-- An administrator looks people up by the beginning of a name or an address, and lists them by role.
CREATE INDEX users_username_prefix_idx ON users (lower(username) text_pattern_ops);
CREATE INDEX users_email_prefix_idx ON users (lower(email) text_pattern_ops);
CREATE INDEX users_name_prefix_idx ON users (lower(name) text_pattern_ops);
CREATE INDEX users_role_newest_idx ON users (role, id DESC);
CREATE INDEX users_suspended_idx ON users (id DESC) WHERE suspended_at IS NOT NULL;

CREATE INDEX creator_applications_queue_idx ON creator_applications (status, id);

-- One live code for each address and purpose; addresses without an account have codes as well, so
-- that asking for one costs the same.
CREATE TABLE one_time_codes (
    id uuid PRIMARY KEY,
    email text NOT NULL CHECK (length(email) <= 254),
    purpose text NOT NULL CONSTRAINT one_time_codes_purpose_known
        CHECK (purpose IN ('sign-in', 'email-verification', 'forget-password')),
    code_hash bytea NOT NULL,
    attempts smallint NOT NULL DEFAULT 0 CONSTRAINT one_time_codes_attempts_bounded CHECK (attempts BETWEEN 0 AND 5),
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX one_time_codes_live_key ON one_time_codes (email, purpose) WHERE used_at IS NULL;
CREATE INDEX one_time_codes_expiry_idx ON one_time_codes (expires_at);

CREATE TABLE previous_usernames (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    username text NOT NULL CHECK (length(username) <= 30),
    given_up_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX previous_usernames_user_idx ON previous_usernames (user_id);
CREATE INDEX previous_usernames_username_idx ON previous_usernames (lower(username), given_up_at DESC);

CREATE TABLE file_uploads (
    id uuid PRIMARY KEY,
    owner_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    kind text NOT NULL CHECK (length(kind) <= 40),
    storage_key text NOT NULL CHECK (length(storage_key) <= 300),
    content_type text NOT NULL CHECK (length(content_type) <= 100),
    bytes bigint NOT NULL CHECK (bytes >= 0),
    sha256 bytea NOT NULL CONSTRAINT file_uploads_sha256_size CHECK (length(sha256) = 32),
    status text NOT NULL DEFAULT 'PROCESSING' CONSTRAINT file_uploads_status_known
        CHECK (status IN ('PROCESSING', 'READY', 'FAILED')),
    error text NOT NULL DEFAULT '' CHECK (length(error) <= 500),
    results jsonb NOT NULL DEFAULT '{}', -- where each rendition is
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX file_uploads_owner_idx ON file_uploads (owner_id, kind, id DESC);
CREATE INDEX file_uploads_waiting_idx ON file_uploads (created_at) WHERE status = 'PROCESSING';
CREATE TRIGGER file_uploads_touch BEFORE UPDATE ON file_uploads
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TABLE identity_verifications (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL CONSTRAINT identity_verifications_user_key UNIQUE REFERENCES users ON DELETE CASCADE,
    status text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'VERIFIED', 'REJECTED')),
    document_count smallint NOT NULL CHECK (document_count BETWEEN 1 AND 4),
    ciphertext bytea NOT NULL, -- where each document is, and the key that opens it
    key_id text NOT NULL CHECK (length(key_id) BETWEEN 1 AND 32),
    decided_by_id uuid REFERENCES users ON DELETE SET NULL,
    decided_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX identity_verifications_decided_by_idx ON identity_verifications (decided_by_id);
CREATE INDEX identity_verifications_key_idx ON identity_verifications (key_id);
CREATE TRIGGER identity_verifications_touch BEFORE UPDATE ON identity_verifications
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TABLE financial_details (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL CONSTRAINT financial_details_user_key UNIQUE REFERENCES users ON DELETE CASCADE,
    ciphertext bytea NOT NULL,
    key_id text NOT NULL CHECK (length(key_id) BETWEEN 1 AND 32),
    last4 text NOT NULL CHECK (length(last4) = 4),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX financial_details_key_idx ON financial_details (key_id);
CREATE TRIGGER financial_details_touch BEFORE UPDATE ON financial_details
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TABLE creator_profiles (
    user_id uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    bio text NOT NULL DEFAULT '' CHECK (length(bio) <= 1000),
    categories text[] NOT NULL DEFAULT '{}' CONSTRAINT creator_profiles_categories_bounded
        CHECK (cardinality(categories) <= 10),
    links jsonb NOT NULL DEFAULT '[]',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TRIGGER creator_profiles_touch BEFORE UPDATE ON creator_profiles
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

-- Codes are nobody's to read; the rest is its owner's, and an administrator's.
ALTER TABLE one_time_codes ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_time_codes_system ON one_time_codes
    USING (current_setting('astrotv.role', true) = 'system');

ALTER TABLE file_uploads ENABLE ROW LEVEL SECURITY;
CREATE POLICY file_uploads_own ON file_uploads USING (
    owner_id = NULLIF(current_setting('astrotv.user_id', true), '')::uuid
    OR current_setting('astrotv.role', true) IN ('admin', 'system')
);

ALTER TABLE identity_verifications ENABLE ROW LEVEL SECURITY;
CREATE POLICY identity_verifications_own ON identity_verifications USING (
    user_id = NULLIF(current_setting('astrotv.user_id', true), '')::uuid
    OR current_setting('astrotv.role', true) IN ('admin', 'system')
);

ALTER TABLE financial_details ENABLE ROW LEVEL SECURITY;
CREATE POLICY financial_details_own ON financial_details USING (
    user_id = NULLIF(current_setting('astrotv.user_id', true), '')::uuid
    OR current_setting('astrotv.role', true) IN ('admin', 'system')
);
