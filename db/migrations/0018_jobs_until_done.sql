-- depends: 0013_chatters_by_day

-- A job's row stays until a worker has done it, so that a broker that lost its memory can be told again.
ALTER TABLE outbox ADD COLUMN sent_at timestamptz;

-- When a request with a key first wrote anything, in the transaction that wrote: what is known of one
-- whose process died before it had answered.
ALTER TABLE idempotency_keys ADD COLUMN effect_at timestamptz;
