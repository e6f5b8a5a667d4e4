CREATE OR REPLACE FUNCTION post_messages(
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

CREATE OR REPLACE FUNCTION edit_message(message_id uuid, author_id uuid, new_text text, within interval) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    message messages;
BEGIN
    SELECT * INTO message FROM messages WHERE messages.id = $1 FOR UPDATE;
    IF message.id IS NULL OR message.is_deleted THEN
        RETURN 'not_found';
    ELSIF message.author_id IS DISTINCT FROM $2 THEN
        RETURN 'not_author';
    ELSIF message.created_at + within < clock_timestamp() THEN
        RETURN 'too_late';
    END IF;
    UPDATE messages SET text = new_text, edited_at = clock_timestamp() WHERE messages.id = $1;
    RETURN 'edited';
END $$;

CREATE OR REPLACE FUNCTION increment_upvotes(
    question_id uuid, voter_id uuid DEFAULT nullif(current_setting('astrotv.user_id', true), '')::uuid
) RETURNS TABLE (is_first boolean, upvotes integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF current_setting('astrotv.role', true) NOT IN ('admin', 'system')
       AND $2 IS DISTINCT FROM nullif(current_setting('astrotv.user_id', true), '')::uuid THEN
        RAISE insufficient_privilege USING MESSAGE = 'votes are cast in one''s own name';
    END IF;
    -- The question first: whoever upvotes it waits here, so that row and counter are never apart.
    PERFORM FROM questions WHERE questions.id = $1 FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    INSERT INTO question_upvotes (question_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING;
    is_first := FOUND;
    IF is_first THEN
        UPDATE questions SET upvotes = questions.upvotes + 1 WHERE questions.id = $1
        RETURNING questions.upvotes INTO upvotes;
    ELSE
        SELECT questions.upvotes INTO upvotes FROM questions WHERE questions.id = $1;
    END IF;
    RETURN NEXT;
END $$;

CREATE OR REPLACE FUNCTION cast_vote(poll_id uuid, voter_id uuid, option_ids uuid[]) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    poll polls;
BEGIN
    IF current_setting('astrotv.role', true) NOT IN ('admin', 'system')
       AND $2 IS DISTINCT FROM nullif(current_setting('astrotv.user_id', true), '')::uuid THEN
        RAISE insufficient_privilege USING MESSAGE = 'votes are cast in one''s own name';
    END IF;
    SELECT * INTO poll FROM polls WHERE polls.id = $1 FOR SHARE;
    IF poll.status IS DISTINCT FROM 'OPEN' THEN
        RETURN 'inactive';
    ELSIF EXISTS (SELECT FROM poll_votes AS vote WHERE vote.poll_id = $1 AND vote.user_id = $2) THEN
        RETURN 'already_voted';
    ELSIF NOT poll.is_multiple AND cardinality(option_ids) > 1 THEN
        RETURN 'one_option';
    ELSIF (SELECT count(*) FROM poll_options AS option WHERE option.poll_id = $1 AND option.id = ANY (option_ids))
          <> cardinality(option_ids) THEN
        RETURN 'option_not_in_poll';
    END IF;
    INSERT INTO poll_votes (poll_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN 'already_voted';
    END IF;
    INSERT INTO poll_vote_options (poll_id, user_id, option_id) SELECT $1, $2, unnest(option_ids);
    RETURN 'voted';
END $$;
