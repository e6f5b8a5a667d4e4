DROP TABLE attendance_spans, presence_processes, event_users, survey_responses, survey_fields, surveys;
DROP FUNCTION cast_vote, increment_upvotes;
DROP TABLE poll_vote_options, poll_votes, poll_options, polls, question_upvotes, questions;
DROP VIEW event_rooms;
DELETE FROM channels WHERE event_id IS NOT NULL;
ALTER TABLE streams DROP COLUMN event_id;
ALTER TABLE channels DROP CONSTRAINT channels_one_owner, DROP COLUMN event_id, ALTER COLUMN user_id SET NOT NULL;
DROP TABLE breakout_rooms, event_sessions, events, projects;
DELETE FROM rooms WHERE kind IN ('SESSION', 'BREAKOUT');
