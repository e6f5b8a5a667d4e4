-- Who chatted with whom on which day: the people of a month are then counted from days, not from hours.
-- depends: 0012_marketplace

CREATE TABLE analytics_chatters_daily (
    streamer_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    at timestamptz NOT NULL,
    chatter_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    CONSTRAINT analytics_chatters_daily_pkey PRIMARY KEY (streamer_id, at, chatter_id)
);
CREATE INDEX analytics_chatters_daily_time_idx ON analytics_chatters_daily (at);
CREATE INDEX analytics_chatters_daily_chatter_idx ON analytics_chatters_daily (chatter_id);

-- Days are rolled up anew, with their people; until then they are counted from their hours.
DELETE FROM analytics_progress WHERE name = 'daily';
