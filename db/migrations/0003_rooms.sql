-- Rooms where people hear each other, what they said, and who may not speak.
-- depends: 0002_signals

CREATE TABLE rooms (
    id uuid PRIMARY KEY,
    kind text NOT NULL CONSTRAINT rooms_kind_known CHECK (kind IN ('CHANNEL', 'SESSION', 'LOUNGE', 'BREAKOUT')),
    owner_id uuid REFERENCES users ON DELETE SET NULL,
    settings jsonb NOT NULL DEFAULT '{}',
    last_seq bigint NOT NULL DEFAULT 0 CHECK (last_seq >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50); -- last_seq changes with every batch: leave room for in-page updates
CREATE INDEX rooms_owner_idx ON rooms (owner_id);
CREATE TRIGGER rooms_touch BEFORE UPDATE OF kind, owner_id, settings ON rooms
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TABLE messages (
    id uuid PRIMARY KEY,
    room_id uuid NOT NULL REFERENCES rooms ON DELETE CASCADE,
    seq bigint NOT NULL CHECK (seq > 0),
    author_id uuid REFERENCES users ON DELETE SET NULL,
    text text NOT NULL CONSTRAINT messages_text_length CHECK (length(text) BETWEEN 1 AND 500),
    reply_to_id uuid REFERENCES messages ON DELETE SET NULL,
    client_message_id text CHECK (length(client_message_id) BETWEEN 1 AND 100),
    is_pinned boolean NOT NULL DEFAULT false,
    is_deleted boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT messages_room_seq_key UNIQUE (room_id, seq)
);
CREATE UNIQUE INDEX messages_client_key ON messages (room_id, author_id, client_message_id)
    WHERE client_message_id IS NOT NULL;
CREATE INDEX messages_room_created_idx ON messages (room_id, created_at);
CREATE INDEX messages_author_idx ON messages (author_id, room_id, seq DESC);
CREATE INDEX messages_reply_idx ON messages (reply_to_id) WHERE reply_to_id IS NOT NULL;
CREATE INDEX messages_pinned_idx ON messages (room_id, seq DESC) WHERE is_pinned AND NOT is_deleted;

CREATE TABLE room_moderators (
    room_id uuid NOT NULL REFERENCES rooms ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    by_id uuid REFERENCES users ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (room_id, user_id)
);
CREATE INDEX room_moderators_user_idx ON room_moderators (user_id);
CREATE INDEX room_moderators_by_idx ON room_moderators (by_id);

-- A ban without a room holds everywhere; one without an end holds until it is lifted.
CREATE TABLE bans (
    id uuid PRIMARY KEY,
    room_id uuid REFERENCES rooms ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    by_id uuid REFERENCES users ON DELETE SET NULL,
    reason text NOT NULL DEFAULT '' CHECK (length(reason) <= 500),
    until timestamptz,
    lifted_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX bans_user_idx ON bans (user_id, room_id);
CREATE INDEX bans_room_idx ON bans (room_id, created_at DESC);
CREATE INDEX bans_by_idx ON bans (by_id);

-- Stores a batch of messages in one round trip: element n of every array is message n.
-- Rooms are locked in the order of their ids, so that batches of different processes never
-- deadlock, and the numbers given under the lock are gapless in the order of commit.
-- Outcomes: stored; repeated (its client_message_id was used before: the first message is
-- returned); reply_not_found; room_not_found; slow_mode (with the milliseconds to wait).
CREATE FUNCTION post_messages(
    ids uuid[], room_ids uuid[], author_ids uuid[], texts text[],
    reply_to_ids uuid[], client_message_ids text[], slow_modes_s integer[]
) RETURNS TABLE (
    outcome text, id uuid, seq bigint, text text, reply_to_id uuid,
    is_pinned boolean, is_deleted boolean, created_at timestamptz, retry_after_ms integer
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    posted_at timestamptz;
BEGIN
    PERFORM 1 FROM rooms WHERE rooms.id = ANY (room_ids) ORDER BY rooms.id FOR UPDATE;
    posted_at := clock_timestamp();

    INSERT INTO messages (id, room_id, seq, author_id, text, reply_to_id, client_message_id, created_at)
    SELECT fresh.id, fresh.room_id,
           rooms.last_seq + row_number() OVER (PARTITION BY fresh.room_id ORDER BY fresh.ordinal),
           fresh.author_id, fresh.text, fresh.reply_to_id, fresh.client_message_id, posted_at
    FROM (
        SELECT draft.*, row_number() OVER (PARTITION BY room_id, author_id ORDER BY ordinal) AS nth_of_author
        FROM (
            SELECT given.*, row_number() OVER (
                PARTITION BY room_id, author_id, coalesce(client_message_id, given.id::text) ORDER BY ordinal
            ) AS nth_sending
            FROM unnest(ids, room_ids, author_ids, texts, reply_to_ids, client_message_ids, slow_modes_s)
                WITH ORDINALITY AS given
                (id, room_id, author_id, text, reply_to_id, client_message_id, slow_mode_s, ordinal)
        ) AS draft
        WHERE nth_sending = 1
          AND NOT EXISTS (
              SELECT FROM messages AS earlier
              WHERE earlier.room_id = draft.room_id AND earlier.author_id = draft.author_id
                AND earlier.client_message_id = draft.client_message_id)
          AND (draft.reply_to_id IS NULL OR EXISTS (
              SELECT FROM messages AS answered
              WHERE answered.id = draft.reply_to_id AND answered.room_id = draft.room_id))
    ) AS fresh
    JOIN rooms ON rooms.id = fresh.room_id
    WHERE fresh.slow_mode_s = 0 OR (fresh.nth_of_author = 1 AND NOT EXISTS (
        SELECT FROM messages AS recent
        WHERE recent.author_id = fresh.author_id AND recent.room_id = fresh.room_id
          AND recent.created_at > posted_at - make_interval(secs => fresh.slow_mode_s)
        ORDER BY recent.seq DESC LIMIT 1));

    UPDATE rooms SET last_seq = news.last_seq
    FROM (SELECT room_id, max(seq) AS last_seq FROM messages WHERE messages.id = ANY (ids) GROUP BY room_id) AS news
    WHERE rooms.id = news.room_id AND rooms.last_seq < news.last_seq;

    RETURN QUERY
    SELECT CASE WHEN kept.id = given.id THEN 'stored'
                WHEN kept.id IS NOT NULL THEN 'repeated'
                WHEN rooms.id IS NULL THEN 'room_not_found'
                WHEN latest.created_at IS NULL THEN 'reply_not_found'
                ELSE 'slow_mode' END,
           kept.id, kept.seq, kept.text, kept.reply_to_id, kept.is_pinned, kept.is_deleted, kept.created_at,
           ceil(extract(epoch FROM latest.created_at + make_interval(secs => given.slow_mode_s) - posted_at)
                * 1000)::integer
    FROM unnest(ids, room_ids, author_ids, client_message_ids, slow_modes_s)
        WITH ORDINALITY AS given (id, room_id, author_id, client_message_id, slow_mode_s, ordinal)
    LEFT JOIN rooms ON rooms.id = given.room_id
    LEFT JOIN LATERAL (
        SELECT * FROM messages AS same WHERE same.id = given.id
        UNION ALL
        SELECT * FROM messages AS same
        WHERE same.room_id = given.room_id AND same.author_id = given.author_id
          AND same.client_message_id = given.client_message_id AND same.id <> given.id
        LIMIT 1
    ) AS kept ON true
    LEFT JOIN LATERAL (
        SELECT recent.created_at FROM messages AS recent
        WHERE kept.id IS NULL AND given.slow_mode_s > 0
          AND recent.author_id = given.author_id AND recent.room_id = given.room_id
          AND recent.created_at > posted_at - make_interval(secs => given.slow_mode_s)
        ORDER BY recent.seq DESC LIMIT 1
    ) AS latest ON true
    ORDER BY given.ordinal;
END $$;

-- A message comes into being by post_messages alone; afterwards only its marks may change.
REVOKE ALL ON FUNCTION post_messages FROM PUBLIC;
GRANT EXECUTE ON FUNCTION post_messages TO astrotv_app;
REVOKE INSERT, UPDATE ON messages FROM astrotv_app;
GRANT UPDATE (is_pinned, is_deleted) ON messages TO astrotv_app;
REVOKE UPDATE ON rooms FROM astrotv_app;
GRANT UPDATE (owner_id, settings) ON rooms TO astrotv_app;
