-- Who may be in a room, for organised events as well.
-- depends: 0018_jobs_until_done

-- Whether somebody (NULL: a guest) may be in a room: into an archived lounge nobody comes, into a private one its
-- members and the platform's staff, into the rooms of an event that is a draft administrators, into any other room
-- everybody. A room that is gone is nobody's.
CREATE OR REPLACE FUNCTION may_enter(room_id uuid, user_id uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce((
        SELECT CASE room.kind
            WHEN 'LOUNGE' THEN (
                SELECT lounge.archived_at IS NULL AND (
                    lounge.visibility = 'PUBLIC'
                    OR EXISTS (SELECT FROM lounge_members AS m WHERE m.lounge_id = lounge.id AND m.user_id = $2)
                    OR EXISTS (SELECT FROM users AS u WHERE u.id = $2 AND u.role IN ('moderator', 'admin')))
                FROM lounges AS lounge WHERE lounge.room_id = $1)
            ELSE NOT EXISTS (
                    SELECT FROM event_rooms AS of_event JOIN events AS event ON event.id = of_event.event_id
                    WHERE of_event.room_id = $1 AND event.status = 'DRAFT')
                OR EXISTS (SELECT FROM users AS u WHERE u.id = $2 AND u.role = 'admin')
            END
        FROM rooms AS room WHERE room.id = $1), false)
$$;
