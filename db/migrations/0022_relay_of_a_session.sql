-- Each ingest process has a relay of its own: a session says at which address workers and other ingest processes reach it.
-- depends: 0021_messages_where_one_may_be

ALTER TABLE ingest_sessions ADD COLUMN relay_url text;
