CREATE OR REPLACE FUNCTION may_enter(room_id uuid, user_id uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce((
        SELECT lounge.archived_at IS NULL AND (
            lounge.visibility = 'PUBLIC'
            OR EXISTS (SELECT FROM lounge_members AS m WHERE m.lounge_id = lounge.id AND m.user_id = $2)
            OR EXISTS (SELECT FROM users AS u WHERE u.id = $2 AND u.role IN ('moderator', 'admin')))
        FROM lounges AS lounge WHERE lounge.room_id = $1), true)
$$;
