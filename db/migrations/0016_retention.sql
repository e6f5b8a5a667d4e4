-- Up to when raw rows (messages, minutes) may have been deleted: what was counted of them is never counted anew.
-- depends: 0013_chatters_by_day

CREATE TABLE retention_progress (
    name text PRIMARY KEY CHECK (name = 'raw'),
    gone_before timestamptz NOT NULL
);
