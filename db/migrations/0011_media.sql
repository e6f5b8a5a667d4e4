-- Clips, previews, recordings that have expired, and media that other servers take in.
-- depends: 0008_events

-- Where the picture arrives when it is not our own ingest (`nginx-rtmp`, `mediamtx`, `srs`), and what that server
-- calls the stream.
ALTER TABLE streams ADD COLUMN media_server text
    CONSTRAINT streams_media_server_length CHECK (length(media_server) BETWEEN 1 AND 40);
ALTER TABLE streams ADD COLUMN media_name text
    CONSTRAINT streams_media_name_length CHECK (length(media_name) BETWEEN 1 AND 200);

-- A stream's preview: the path of the WebVTT that names pictures in a sprite.
ALTER TABLE recordings ADD COLUMN preview text;
ALTER TABLE recordings DROP CONSTRAINT recordings_status_check;
ALTER TABLE recordings ADD CONSTRAINT recordings_status_known
    CHECK (status IN ('PROCESSING', 'READY', 'FAILED', 'EXPIRED'));
CREATE INDEX recordings_ready_idx ON recordings (created_at) WHERE status = 'READY';

-- `starts_at` and `ends_at` are the time of day at which the picture was on air.
CREATE TABLE clips (
    id uuid PRIMARY KEY,
    stream_id uuid NOT NULL CONSTRAINT clips_stream_fkey REFERENCES streams ON DELETE CASCADE,
    creator_id uuid CONSTRAINT clips_creator_fkey REFERENCES users ON DELETE SET NULL,
    title text NOT NULL CONSTRAINT clips_title_length CHECK (length(title) BETWEEN 1 AND 140),
    status text NOT NULL DEFAULT 'PROCESSING'
        CONSTRAINT clips_status_known CHECK (status IN ('PROCESSING', 'READY', 'FAILED')),
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    video text,
    thumbnail text,
    duration_s double precision,
    bytes bigint,
    error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT clips_range_whole CHECK (ends_at > starts_at),
    CONSTRAINT clips_ready_has_video CHECK (status <> 'READY' OR video IS NOT NULL)
);
CREATE INDEX clips_stream_idx ON clips (stream_id, id DESC);
CREATE INDEX clips_creator_idx ON clips (creator_id, id DESC);
CREATE TRIGGER clips_touch BEFORE UPDATE ON clips FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

-- A channel's door at LiveKit; its key is LiveKit's to keep. Our own ingest needs no row.
CREATE TABLE channel_ingresses (
    channel_id uuid PRIMARY KEY CONSTRAINT channel_ingresses_channel_fkey REFERENCES channels ON DELETE CASCADE,
    kind text NOT NULL CONSTRAINT channel_ingresses_kind_known CHECK (kind IN ('RTMP', 'WHIP')),
    ingress_id text NOT NULL CONSTRAINT channel_ingresses_ingress_key UNIQUE
        CHECK (length(ingress_id) BETWEEN 1 AND 200),
    created_at timestamptz NOT NULL DEFAULT now()
);
