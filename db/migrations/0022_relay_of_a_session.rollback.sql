ALTER TABLE ingest_sessions DROP COLUMN relay_url;
