-- Storing a batch of messages of which none needs a decision: a quarter of the work of post_messages.
-- depends: 0014_row_level_security_functions

-- All or nothing: where one of the messages repeats an earlier sending, answers what is not in its
-- room, or belongs to a room or person that is gone, nothing is stored and no row comes back; then
-- post_messages decides one by one. Element n of every array is message n, and nths[n] says that it
-- is the so many-th of its room in this batch. Returns, for each room, the number before the first.
-- Rooms are locked in the order of their ids, as everywhere; the times rise with the numbers.
CREATE FUNCTION post_new_messages(
    ids uuid[], room_ids uuid[], nths integer[], author_ids uuid[], texts text[],
    reply_to_ids uuid[], client_message_ids text[]
) RETURNS TABLE (room_id uuid, seq_before bigint, posted_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    locked_at timestamptz;
    stored integer;
BEGIN
    IF NOT acts_for_all()
       AND EXISTS (SELECT FROM unnest(author_ids) AS given (id) WHERE given.id IS DISTINCT FROM acting_user_id()) THEN
        RAISE insufficient_privilege USING MESSAGE = 'messages are written in one''s own name';
    END IF;
    PERFORM 1 FROM rooms WHERE rooms.id = ANY (room_ids) ORDER BY rooms.id FOR NO KEY UPDATE;
    locked_at := clock_timestamp();

    IF reply_to_ids IS NOT NULL AND EXISTS (
        SELECT FROM unnest(reply_to_ids, room_ids) AS given (reply_to_id, room_id)
        WHERE given.reply_to_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM messages WHERE messages.id = given.reply_to_id AND messages.room_id = given.room_id)
    ) THEN
        RETURN;
    END IF;

    INSERT INTO messages (id, room_id, seq, author_id, text, reply_to_id, client_message_id, created_at)
    SELECT given.id, given.room_id, rooms.last_seq + given.nth, given.author_id, given.text, given.reply_to_id,
           given.client_message_id, locked_at
    FROM unnest(ids, room_ids, nths, author_ids, texts, reply_to_ids, client_message_ids)
        AS given (id, room_id, nth, author_id, text, reply_to_id, client_message_id)
    JOIN rooms ON rooms.id = given.room_id;
    GET DIAGNOSTICS stored = ROW_COUNT;
    IF stored < cardinality(ids) THEN
        RAISE foreign_key_violation; -- a room is gone: take back what was stored
    END IF;

    RETURN QUERY
    UPDATE rooms SET last_seq = rooms.last_seq + news.messages
    FROM (SELECT given.room_id, count(*) AS messages FROM unnest(room_ids) AS given (room_id) GROUP BY 1) AS news
    WHERE rooms.id = news.room_id
    RETURNING rooms.id, rooms.last_seq - news.messages, locked_at;
EXCEPTION WHEN unique_violation OR foreign_key_violation THEN
    RETURN;
END $$;
REVOKE ALL ON FUNCTION post_new_messages FROM PUBLIC;
GRANT EXECUTE ON FUNCTION post_new_messages TO astrotv_app;
