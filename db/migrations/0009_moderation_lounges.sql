-- Moderation of every room, reports, lounges with their invitations, and messages that may be edited.
-- depends: 0008_events

-- One ban of a person is in force in a room (or, without a room, everywhere): a new one replaces it.
CREATE UNIQUE INDEX bans_one_in_force_key ON bans (user_id, room_id) NULLS NOT DISTINCT WHERE lifted_at IS NULL;
CREATE INDEX bans_in_force_idx ON bans (room_id, id DESC) WHERE lifted_at IS NULL;

-- Who did what to whom. It refers to nothing, so that it outlives what it tells of; nothing in it ever changes.
CREATE TABLE moderation_log (
    id uuid PRIMARY KEY,
    actor_id uuid NOT NULL,
    action text NOT NULL CONSTRAINT moderation_log_action_known CHECK (action IN (
        'BAN', 'TIMEOUT', 'UNBAN', 'DELETE_MESSAGE', 'DELETE_MESSAGES', 'PIN', 'UNPIN', 'CHANGE_SETTINGS',
        'ADD_MODERATOR', 'REMOVE_MODERATOR', 'RESOLVE_REPORT', 'REMOVE_MEMBER', 'ARCHIVE_LOUNGE',
        'SUSPEND', 'REINSTATE', 'CHANGE_ROLE')),
    room_id uuid,
    target_user_id uuid,
    target_id uuid,
    reason text NOT NULL DEFAULT '' CHECK (length(reason) <= 500),
    details jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX moderation_log_room_idx ON moderation_log (room_id, id DESC);
CREATE INDEX moderation_log_target_idx ON moderation_log (target_user_id, id DESC);
CREATE INDEX moderation_log_actor_idx ON moderation_log (actor_id, id DESC);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER moderation_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON moderation_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON moderation_log FROM astrotv_app;

-- What somebody found wrong, and what came of it. The words are kept as they were when they were reported.
CREATE TABLE reports (
    id uuid PRIMARY KEY,
    reporter_id uuid REFERENCES users ON DELETE SET NULL,
    kind text NOT NULL CONSTRAINT reports_kind_known CHECK (kind IN ('MESSAGE', 'USER', 'STREAM', 'POST')),
    target_id uuid NOT NULL,
    subject_id uuid REFERENCES users ON DELETE SET NULL,
    room_id uuid REFERENCES rooms ON DELETE SET NULL,
    excerpt text NOT NULL DEFAULT '' CHECK (length(excerpt) <= 5000),
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 1000),
    status text NOT NULL DEFAULT 'OPEN'
        CONSTRAINT reports_status_known CHECK (status IN ('OPEN', 'RESOLVED', 'DISMISSED')),
    outcome text NOT NULL DEFAULT '' CHECK (length(outcome) <= 500),
    resolved_by_id uuid REFERENCES users ON DELETE SET NULL,
    resolved_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT reports_resolved_says_when CHECK ((status = 'OPEN') = (resolved_at IS NULL))
);
CREATE UNIQUE INDEX reports_open_once_key ON reports (reporter_id, kind, target_id) WHERE status = 'OPEN';
CREATE INDEX reports_status_idx ON reports (status, id);
CREATE INDEX reports_room_idx ON reports (room_id, status, id);
CREATE INDEX reports_target_idx ON reports (kind, target_id) WHERE status = 'OPEN';
CREATE INDEX reports_reporter_idx ON reports (reporter_id);
CREATE INDEX reports_subject_idx ON reports (subject_id);
CREATE INDEX reports_resolved_by_idx ON reports (resolved_by_id);

-- A lounge is a room that stands by itself; its owner is the room's. Closed for good it is kept, with what was said.
CREATE TABLE lounges (
    id uuid PRIMARY KEY,
    room_id uuid NOT NULL CONSTRAINT lounges_room_key UNIQUE REFERENCES rooms ON DELETE RESTRICT,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    description text NOT NULL DEFAULT '' CHECK (length(description) <= 1000),
    visibility text NOT NULL DEFAULT 'PUBLIC'
        CONSTRAINT lounges_visibility_known CHECK (visibility IN ('PUBLIC', 'PRIVATE')),
    archived_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX lounges_public_idx ON lounges (id DESC) WHERE visibility = 'PUBLIC' AND archived_at IS NULL;
CREATE TRIGGER lounges_touch BEFORE UPDATE ON lounges FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

-- Who was asked into a lounge, and so may enter it while it is private; its owner is one of them.
CREATE TABLE lounge_members (
    lounge_id uuid NOT NULL REFERENCES lounges ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    by_id uuid REFERENCES users ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (lounge_id, user_id)
);
CREATE INDEX lounge_members_user_idx ON lounge_members (user_id, lounge_id DESC);
CREATE INDEX lounge_members_by_idx ON lounge_members (by_id);

-- Whether somebody (NULL: a guest) may be in a room: into an archived lounge nobody comes, into a
-- private one its members and the platform's staff, into any other room everybody.
CREATE FUNCTION may_enter(room_id uuid, user_id uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce((
        SELECT lounge.archived_at IS NULL AND (
            lounge.visibility = 'PUBLIC'
            OR EXISTS (SELECT FROM lounge_members AS m WHERE m.lounge_id = lounge.id AND m.user_id = $2)
            OR EXISTS (SELECT FROM users AS u WHERE u.id = $2 AND u.role IN ('moderator', 'admin')))
        FROM lounges AS lounge WHERE lounge.room_id = $1), true)
$$;

-- Gives a message other words, as its author may for a while. Outcomes: edited, not_found, not_author, too_late.
ALTER TABLE messages ADD COLUMN edited_at timestamptz;
CREATE FUNCTION edit_message(message_id uuid, author_id uuid, new_text text, within interval) RETURNS text
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
REVOKE ALL ON FUNCTION edit_message FROM PUBLIC;
GRANT EXECUTE ON FUNCTION edit_message TO astrotv_app;
