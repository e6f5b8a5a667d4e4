DROP TABLE spent_refresh_tokens, auth_sessions, users;
DROP FUNCTION touch_updated_at();
