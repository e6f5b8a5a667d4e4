DROP INDEX CONCURRENTLY IF EXISTS spent_refresh_tokens_spent_idx;
DROP INDEX CONCURRENTLY IF EXISTS webhook_events_body_idx;
