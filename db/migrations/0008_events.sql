-- Organised live events: projects, events, sessions, breakout rooms, questions, polls, surveys, attendance.
-- depends: 0005_money

CREATE TABLE projects (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 140),
    description text NOT NULL DEFAULT '' CHECK (length(description) <= 5000),
    status text NOT NULL DEFAULT 'DRAFT'
        CONSTRAINT projects_status_known CHECK (status IN ('DRAFT', 'LIVE', 'ENDED')),
    is_on_demand boolean NOT NULL DEFAULT false,
    youtube_video_id text CHECK (length(youtube_video_id) <= 20),
    thumbnail text CHECK (length(thumbnail) <= 2000),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TRIGGER projects_touch BEFORE UPDATE ON projects FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TABLE events (
    id uuid PRIMARY KEY,
    project_id uuid NOT NULL CONSTRAINT events_project_fkey REFERENCES projects ON DELETE CASCADE,
    title text NOT NULL CHECK (length(title) BETWEEN 1 AND 140),
    description text NOT NULL DEFAULT '' CHECK (length(description) <= 5000),
    slug text NOT NULL CONSTRAINT events_slug_key UNIQUE
        CONSTRAINT events_slug_form CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(slug) <= 100),
    status text NOT NULL DEFAULT 'DRAFT'
        CONSTRAINT events_status_known CHECK (status IN ('DRAFT', 'LIVE', 'ENDED')),
    start_time timestamptz NOT NULL,
    end_time timestamptz NOT NULL,
    live_at timestamptz, -- when it last went live
    ended_at timestamptz, -- when it ended; presence after that is no attendance
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT events_end_after_start CHECK (end_time > start_time),
    CONSTRAINT events_ended_has_end CHECK (status <> 'ENDED' OR ended_at IS NOT NULL)
);
CREATE INDEX events_project_idx ON events (project_id);
CREATE INDEX events_status_idx ON events (status, start_time DESC, id DESC);
CREATE INDEX events_start_idx ON events (start_time DESC, id DESC);
CREATE INDEX events_live_idx ON events (live_at DESC) WHERE status = 'LIVE';
CREATE TRIGGER events_touch BEFORE UPDATE ON events FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TABLE event_sessions (
    id uuid PRIMARY KEY,
    event_id uuid NOT NULL CONSTRAINT event_sessions_event_fkey REFERENCES events ON DELETE CASCADE,
    room_id uuid NOT NULL CONSTRAINT event_sessions_room_key UNIQUE REFERENCES rooms ON DELETE RESTRICT,
    title text NOT NULL CHECK (length(title) BETWEEN 1 AND 140),
    description text NOT NULL DEFAULT '' CHECK (length(description) <= 5000),
    speaker text NOT NULL DEFAULT '' CHECK (length(speaker) <= 200),
    start_time timestamptz NOT NULL,
    end_time timestamptz NOT NULL,
    reviews_questions boolean NOT NULL DEFAULT false, -- questions show only once a moderator let them pass
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT event_sessions_end_after_start CHECK (end_time > start_time)
);
CREATE INDEX event_sessions_event_idx ON event_sessions (event_id, start_time, id);
CREATE TRIGGER event_sessions_touch BEFORE UPDATE ON event_sessions
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TABLE breakout_rooms (
    id uuid PRIMARY KEY,
    event_id uuid NOT NULL CONSTRAINT breakout_rooms_event_fkey REFERENCES events ON DELETE CASCADE,
    room_id uuid NOT NULL CONSTRAINT breakout_rooms_room_key UNIQUE REFERENCES rooms ON DELETE RESTRICT,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 140),
    speaker text NOT NULL DEFAULT '' CHECK (length(speaker) <= 200),
    topic text NOT NULL DEFAULT '' CHECK (length(topic) <= 1000),
    thumbnail text CHECK (length(thumbnail) <= 2000),
    is_main_stage boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX breakout_rooms_event_idx ON breakout_rooms (event_id, is_main_stage DESC, id);
CREATE UNIQUE INDEX breakout_rooms_main_stage_key ON breakout_rooms (event_id) WHERE is_main_stage;
CREATE TRIGGER breakout_rooms_touch BEFORE UPDATE ON breakout_rooms
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

-- An event that is broadcast through our ingest has a channel, with a key of its own, and no streamer.
ALTER TABLE channels ALTER COLUMN user_id DROP NOT NULL;
ALTER TABLE channels ADD COLUMN event_id uuid
    CONSTRAINT channels_event_key UNIQUE CONSTRAINT channels_event_fkey REFERENCES events ON DELETE CASCADE;
ALTER TABLE channels ADD CONSTRAINT channels_one_owner CHECK ((user_id IS NULL) <> (event_id IS NULL));
ALTER TABLE streams ADD COLUMN event_id uuid CONSTRAINT streams_event_fkey REFERENCES events ON DELETE CASCADE;
CREATE INDEX streams_event_idx ON streams (event_id, id DESC) WHERE event_id IS NOT NULL;

-- Every chat room of every event: being in one of them is attending the event.
CREATE VIEW event_rooms AS
    SELECT room_id, event_id FROM event_sessions
    UNION ALL SELECT room_id, event_id FROM breakout_rooms
    UNION ALL SELECT room_id, event_id FROM channels WHERE event_id IS NOT NULL;

CREATE TABLE questions (
    id uuid PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES event_sessions ON DELETE CASCADE,
    author_id uuid REFERENCES users ON DELETE SET NULL,
    text text NOT NULL CONSTRAINT questions_text_length CHECK (length(text) BETWEEN 1 AND 500),
    upvotes integer NOT NULL DEFAULT 0 CHECK (upvotes >= 0), -- changed by increment_upvotes alone
    is_approved boolean NOT NULL DEFAULT true,
    is_answered boolean NOT NULL DEFAULT false,
    is_hidden boolean NOT NULL DEFAULT false,
    is_pinned boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX questions_session_idx ON questions (session_id, upvotes DESC, id);
CREATE INDEX questions_author_idx ON questions (author_id, session_id);
CREATE UNIQUE INDEX questions_pinned_key ON questions (session_id) WHERE is_pinned;
CREATE TRIGGER questions_touch BEFORE UPDATE ON questions FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TABLE question_upvotes (
    question_id uuid NOT NULL REFERENCES questions ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (question_id, user_id)
);
CREATE INDEX question_upvotes_user_idx ON question_upvotes (user_id);

-- Upvotes a question once for a person, counter and row together. Answers whether this was the
-- first time, and the number of upvotes now; no row for an unknown question.
CREATE FUNCTION increment_upvotes(
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

CREATE TABLE polls (
    id uuid PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES event_sessions ON DELETE CASCADE,
    question text NOT NULL CHECK (length(question) BETWEEN 1 AND 300),
    status text NOT NULL CONSTRAINT polls_status_known CHECK (status IN ('DRAFT', 'OPEN', 'CLOSED')),
    is_multiple boolean NOT NULL DEFAULT false,
    hides_results boolean NOT NULL DEFAULT false, -- until one has voted, or the poll is closed
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX polls_session_idx ON polls (session_id, id DESC);
CREATE UNIQUE INDEX polls_one_active_key ON polls (session_id) WHERE status = 'OPEN';
CREATE TRIGGER polls_touch BEFORE UPDATE ON polls FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TABLE poll_options (
    id uuid PRIMARY KEY,
    poll_id uuid NOT NULL REFERENCES polls ON DELETE CASCADE,
    position smallint NOT NULL CONSTRAINT poll_options_at_most_ten CHECK (position BETWEEN 1 AND 10),
    text text NOT NULL CHECK (length(text) BETWEEN 1 AND 200),
    CONSTRAINT poll_options_position_key UNIQUE (poll_id, position),
    CONSTRAINT poll_options_of_poll_key UNIQUE (poll_id, id)
);

-- One row a person and poll, whatever the number of options that they chose.
CREATE TABLE poll_votes (
    poll_id uuid NOT NULL REFERENCES polls ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT poll_votes_once PRIMARY KEY (poll_id, user_id)
);
CREATE INDEX poll_votes_user_idx ON poll_votes (user_id);

CREATE TABLE poll_vote_options (
    poll_id uuid NOT NULL,
    user_id uuid NOT NULL,
    option_id uuid NOT NULL,
    PRIMARY KEY (poll_id, option_id, user_id),
    CONSTRAINT poll_vote_options_vote_fkey FOREIGN KEY (poll_id, user_id) REFERENCES poll_votes ON DELETE CASCADE,
    CONSTRAINT poll_vote_options_of_poll_fkey FOREIGN KEY (poll_id, option_id)
        REFERENCES poll_options (poll_id, id) ON DELETE CASCADE
);
CREATE INDEX poll_vote_options_vote_idx ON poll_vote_options (poll_id, user_id);

-- Votes once for a person. Outcomes: voted, already_voted, inactive, one_option, option_not_in_poll.
-- The lock on the poll orders votes and its closing: a vote counts, or finds the poll closed.
CREATE FUNCTION cast_vote(poll_id uuid, voter_id uuid, option_ids uuid[]) RETURNS text
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

-- Counters and votes come into being by these functions alone, in one's own name; a vote once given is never changed.
REVOKE ALL ON FUNCTION increment_upvotes, cast_vote FROM PUBLIC;
GRANT EXECUTE ON FUNCTION increment_upvotes, cast_vote TO astrotv_app;
REVOKE INSERT, UPDATE, DELETE ON question_upvotes, poll_votes, poll_vote_options FROM astrotv_app;
REVOKE UPDATE ON questions FROM astrotv_app;
GRANT UPDATE (is_approved, is_answered, is_hidden, is_pinned) ON questions TO astrotv_app;

CREATE TABLE surveys (
    id uuid PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES event_sessions ON DELETE CASCADE,
    title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX surveys_session_idx ON surveys (session_id, id DESC);
CREATE TRIGGER surveys_touch BEFORE UPDATE ON surveys FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TABLE survey_fields (
    id uuid PRIMARY KEY,
    survey_id uuid NOT NULL REFERENCES surveys ON DELETE CASCADE,
    position smallint NOT NULL CHECK (position BETWEEN 1 AND 50),
    question text NOT NULL CHECK (length(question) BETWEEN 1 AND 300),
    type text NOT NULL CONSTRAINT survey_fields_type_known CHECK (type IN ('RATING', 'TEXT', 'CHOICE')),
    options text[] NOT NULL DEFAULT '{}',
    required boolean NOT NULL DEFAULT false,
    CONSTRAINT survey_fields_position_key UNIQUE (survey_id, position),
    CONSTRAINT survey_fields_choices CHECK (
        CASE WHEN type = 'CHOICE' THEN cardinality(options) >= 2 ELSE cardinality(options) = 0 END)
);

-- `answers` maps field ids to values: a number for RATING, words for TEXT and CHOICE.
CREATE TABLE survey_responses (
    id uuid PRIMARY KEY,
    survey_id uuid NOT NULL REFERENCES surveys ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    answers jsonb NOT NULL CHECK (jsonb_typeof(answers) = 'object'),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT survey_responses_once UNIQUE (survey_id, user_id)
);
CREATE INDEX survey_responses_survey_idx ON survey_responses (survey_id, id);
CREATE INDEX survey_responses_user_idx ON survey_responses (user_id);

CREATE TABLE event_users (
    event_id uuid NOT NULL REFERENCES events ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    joined_at timestamptz NOT NULL DEFAULT now(),
    left_at timestamptz, -- when they said that they leave; who only vanishes left at the end of the last span
    CONSTRAINT event_users_once PRIMARY KEY (event_id, user_id)
);
CREATE INDEX event_users_joined_idx ON event_users (event_id, joined_at, user_id);
CREATE INDEX event_users_user_idx ON event_users (user_id);

-- A run of a realtime process. A span that it left open lasts as long as the process was seen alive,
-- so one that dies needs nobody to close its spans.
CREATE TABLE presence_processes (
    id uuid PRIMARY KEY,
    seen_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- One socket of one person in one room of an event, from joining to leaving. Spans of a person may
-- overlap (several tabs, a reconnect to another process): watch time is the length of their union.
CREATE TABLE attendance_spans (
    id uuid PRIMARY KEY,
    event_id uuid NOT NULL REFERENCES events ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    process_id uuid NOT NULL REFERENCES presence_processes ON DELETE RESTRICT,
    entered_at timestamptz NOT NULL,
    left_at timestamptz,
    CONSTRAINT attendance_spans_end_after_start CHECK (left_at >= entered_at)
);
CREATE INDEX attendance_spans_person_idx ON attendance_spans (event_id, user_id, entered_at);
CREATE INDEX attendance_spans_user_idx ON attendance_spans (user_id);
CREATE INDEX attendance_spans_process_idx ON attendance_spans (process_id) WHERE left_at IS NULL;

-- Questions are read where their event may be known of; one asks and responds in one's own name.
ALTER TABLE questions ENABLE ROW LEVEL SECURITY;
CREATE POLICY questions_read ON questions FOR SELECT USING (
    current_setting('astrotv.role', true) IN ('admin', 'system')
    OR EXISTS (SELECT FROM event_sessions s JOIN events e ON e.id = s.event_id
               WHERE s.id = session_id AND e.status <> 'DRAFT')
);
CREATE POLICY questions_ask ON questions FOR INSERT WITH CHECK (
    author_id = nullif(current_setting('astrotv.user_id', true), '')::uuid
    OR current_setting('astrotv.role', true) IN ('admin', 'system')
);
CREATE POLICY questions_mark ON questions FOR UPDATE USING (true);
ALTER TABLE survey_responses ENABLE ROW LEVEL SECURITY;
CREATE POLICY survey_responses_read ON survey_responses FOR SELECT USING (true);
CREATE POLICY survey_responses_give ON survey_responses FOR INSERT WITH CHECK (
    user_id = nullif(current_setting('astrotv.user_id', true), '')::uuid
    OR current_setting('astrotv.role', true) IN ('admin', 'system')
);
