-- People, and the sessions in which they are signed in.

DO $$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'astrotv_app') THEN
        CREATE ROLE astrotv_app NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL; -- another database of the cluster is being migrated at this moment
END $$;

DO $$ BEGIN
    IF NOT pg_has_role(current_user, 'astrotv_app', 'MEMBER') THEN
        EXECUTE format('GRANT astrotv_app TO %I', current_user);
    END IF;
END $$;

GRANT USAGE ON SCHEMA public TO astrotv_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO astrotv_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO astrotv_app;

CREATE FUNCTION touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END $$;

CREATE TABLE users (
    id uuid PRIMARY KEY,
    email text NOT NULL CONSTRAINT users_email_length CHECK (length(email) <= 254),
    username text NOT NULL CONSTRAINT users_username_form CHECK (username ~ '^[a-z0-9_]{3,30}$'),
    name text NOT NULL CHECK (length(name) <= 80),
    password_hash text NOT NULL,
    role text NOT NULL DEFAULT 'viewer'
        CONSTRAINT users_role_known CHECK (role IN ('viewer', 'streamer', 'moderator', 'admin')),
    avatar text,
    bio text NOT NULL DEFAULT '' CHECK (length(bio) <= 1000),
    company text NOT NULL DEFAULT '' CHECK (length(company) <= 120),
    title text NOT NULL DEFAULT '' CHECK (length(title) <= 120),
    status text NOT NULL DEFAULT '' CHECK (length(status) <= 140),
    follower_count integer NOT NULL DEFAULT 0 CHECK (follower_count >= 0),
    following_count integer NOT NULL DEFAULT 0 CHECK (following_count >= 0),
    email_verified_at timestamptz,
    suspended_at timestamptz,
    last_login_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX users_email_key ON users (lower(email));
CREATE UNIQUE INDEX users_username_key ON users (lower(username));
CREATE INDEX users_role_idx ON users (role);
CREATE TRIGGER users_touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TABLE auth_sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    refresh_token_hash bytea NOT NULL CONSTRAINT auth_sessions_refresh_token_key UNIQUE,
    user_agent text NOT NULL DEFAULT '' CHECK (length(user_agent) <= 300),
    ip text NOT NULL DEFAULT '' CHECK (length(ip) <= 45),
    expires_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX auth_sessions_user_idx ON auth_sessions (user_id, created_at DESC);
CREATE INDEX auth_sessions_expiry_idx ON auth_sessions (expires_at);

-- Refresh tokens that were exchanged already: one that comes back was stolen.
CREATE TABLE spent_refresh_tokens (
    token_hash bytea PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES auth_sessions ON DELETE CASCADE,
    spent_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX spent_refresh_tokens_session_idx ON spent_refresh_tokens (session_id);
