-- Where retention finds what is old, in tables that have no id made of time.
-- transactional: false
-- depends: 0016_retention

DROP INDEX CONCURRENTLY IF EXISTS spent_refresh_tokens_spent_idx;
CREATE INDEX CONCURRENTLY spent_refresh_tokens_spent_idx ON spent_refresh_tokens (spent_at);
DROP INDEX CONCURRENTLY IF EXISTS webhook_events_body_idx;
CREATE INDEX CONCURRENTLY webhook_events_body_idx ON webhook_events (id)
    WHERE payload <> '' AND state IN ('PROCESSED', 'IGNORED');
