DROP FUNCTION edit_message;
ALTER TABLE messages DROP COLUMN edited_at;
DROP FUNCTION may_enter;
DROP TABLE lounge_members, lounges, reports, moderation_log;
DROP FUNCTION refuse_change;
DROP INDEX bans_one_in_force_key, bans_in_force_idx;
DELETE FROM rooms WHERE kind = 'LOUNGE';
