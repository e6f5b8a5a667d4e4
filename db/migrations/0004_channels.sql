-- Channels, their broadcasts, and whom a person follows.
-- depends: 0003_rooms

CREATE TABLE categories (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    slug text NOT NULL CONSTRAINT categories_slug_form CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    photo text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX categories_name_key ON categories (lower(name));
CREATE UNIQUE INDEX categories_slug_key ON categories (slug);
CREATE TRIGGER categories_touch BEFORE UPDATE ON categories
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TABLE tags (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 40)
);
CREATE UNIQUE INDEX tags_name_key ON tags (lower(name));

CREATE TABLE category_tags (
    category_id uuid NOT NULL REFERENCES categories ON DELETE CASCADE,
    tag_id uuid NOT NULL REFERENCES tags ON DELETE CASCADE,
    PRIMARY KEY (category_id, tag_id)
);
CREATE INDEX category_tags_tag_idx ON category_tags (tag_id);

CREATE TABLE channels (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL CONSTRAINT channels_user_key UNIQUE REFERENCES users ON DELETE CASCADE,
    room_id uuid NOT NULL CONSTRAINT channels_room_key UNIQUE REFERENCES rooms ON DELETE RESTRICT,
    stream_key_version integer NOT NULL DEFAULT 1,
    stream_key_hash bytea NOT NULL CONSTRAINT channels_stream_key_key UNIQUE,
    default_title text NOT NULL DEFAULT '' CHECK (length(default_title) <= 140),
    default_description text NOT NULL DEFAULT '' CHECK (length(default_description) <= 5000),
    default_category_id uuid REFERENCES categories ON DELETE SET NULL,
    default_tags text[] NOT NULL DEFAULT '{}',
    default_language text NOT NULL DEFAULT 'en',
    default_visibility text NOT NULL DEFAULT 'PUBLIC'
        CHECK (default_visibility IN ('PUBLIC', 'SUBSCRIBERS', 'UNLISTED')),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX channels_default_category_idx ON channels (default_category_id);
CREATE TRIGGER channels_touch BEFORE UPDATE ON channels
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TABLE streams (
    id uuid PRIMARY KEY,
    channel_id uuid REFERENCES channels ON DELETE CASCADE,
    title text NOT NULL CHECK (length(title) BETWEEN 1 AND 140),
    description text NOT NULL DEFAULT '' CHECK (length(description) <= 5000),
    thumbnail text,
    source_type text NOT NULL DEFAULT 'RTMP'
        CHECK (source_type IN ('RTMP', 'HLS', 'YOUTUBE', 'LIVEKIT')),
    source_url text,
    status text NOT NULL CONSTRAINT streams_status_known CHECK (status IN ('SCHEDULED', 'LIVE', 'ENDED')),
    visibility text NOT NULL DEFAULT 'PUBLIC' CHECK (visibility IN ('PUBLIC', 'SUBSCRIBERS', 'UNLISTED')),
    language text NOT NULL DEFAULT 'en' CHECK (length(language) <= 12),
    category_id uuid REFERENCES categories ON DELETE SET NULL,
    tags text[] NOT NULL DEFAULT '{}',
    viewer_count integer NOT NULL DEFAULT 0 CHECK (viewer_count >= 0),
    peak_viewers integer NOT NULL DEFAULT 0 CHECK (peak_viewers >= 0),
    scheduled_for timestamptz,
    started_at timestamptz,
    interrupted_at timestamptz,
    ended_at timestamptz,
    end_reason text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT streams_live_has_started CHECK (status <> 'LIVE' OR started_at IS NOT NULL),
    CONSTRAINT streams_ended_has_end CHECK (status <> 'ENDED' OR ended_at IS NOT NULL)
);
CREATE UNIQUE INDEX streams_one_live_key ON streams (channel_id) WHERE status = 'LIVE';
CREATE INDEX streams_channel_idx ON streams (channel_id, id DESC);
CREATE INDEX streams_viewers_idx ON streams (status, viewer_count DESC, id DESC);
CREATE INDEX streams_recent_idx ON streams (status, started_at DESC, id DESC);
CREATE INDEX streams_category_idx ON streams (category_id, status, viewer_count DESC);
CREATE INDEX streams_tags_idx ON streams USING gin (tags);
CREATE TRIGGER streams_touch BEFORE UPDATE ON streams
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TABLE ingest_sessions (
    id uuid PRIMARY KEY,
    stream_id uuid NOT NULL REFERENCES streams ON DELETE CASCADE,
    server text NOT NULL,
    remote_address text NOT NULL DEFAULT '',
    video_codec text,
    audio_codec text,
    width integer,
    height integer,
    bitrate_kbps integer,
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);
CREATE INDEX ingest_sessions_stream_idx ON ingest_sessions (stream_id, started_at DESC);
CREATE INDEX ingest_sessions_open_idx ON ingest_sessions (server) WHERE ended_at IS NULL;

CREATE TABLE recordings (
    id uuid PRIMARY KEY,
    stream_id uuid NOT NULL CONSTRAINT recordings_stream_key UNIQUE REFERENCES streams ON DELETE CASCADE,
    status text NOT NULL DEFAULT 'PROCESSING' CHECK (status IN ('PROCESSING', 'READY', 'FAILED')),
    hls text,
    mp4 text,
    duration_s double precision,
    bytes bigint,
    error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TRIGGER recordings_touch BEFORE UPDATE ON recordings
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TABLE follows (
    follower_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    following_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (follower_id, following_id),
    CONSTRAINT follows_not_oneself CHECK (follower_id <> following_id)
);
CREATE INDEX follows_following_idx ON follows (following_id, created_at DESC);
CREATE INDEX follows_fan_out_idx ON follows (following_id, follower_id);

CREATE TABLE blocks (
    blocker_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    blocked_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (blocker_id, blocked_id),
    CONSTRAINT blocks_not_oneself CHECK (blocker_id <> blocked_id)
);
CREATE INDEX blocks_blocked_idx ON blocks (blocked_id);

CREATE TABLE creator_applications (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL CONSTRAINT creator_applications_user_key UNIQUE REFERENCES users ON DELETE CASCADE,
    status text NOT NULL CHECK (status IN ('PENDING', 'APPROVED', 'REJECTED')),
    bio text NOT NULL DEFAULT '' CHECK (length(bio) <= 1000),
    categories text[] NOT NULL DEFAULT '{}',
    decided_by_id uuid REFERENCES users ON DELETE SET NULL,
    reason text NOT NULL DEFAULT '' CHECK (length(reason) <= 500),
    decided_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX creator_applications_status_idx ON creator_applications (status, created_at);
CREATE INDEX creator_applications_decided_by_idx ON creator_applications (decided_by_id);
CREATE TRIGGER creator_applications_touch BEFORE UPDATE ON creator_applications
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
