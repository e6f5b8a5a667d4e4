ALTER TABLE idempotency_keys DROP COLUMN effect_at;
DELETE FROM outbox WHERE sent_at IS NOT NULL;
ALTER TABLE outbox DROP COLUMN sent_at;
