DROP TABLE channel_ingresses, clips;
DROP INDEX recordings_ready_idx;
UPDATE recordings SET status = 'FAILED', error = 'expired' WHERE status = 'EXPIRED';
ALTER TABLE recordings DROP CONSTRAINT recordings_status_known;
ALTER TABLE recordings ADD CONSTRAINT recordings_status_check CHECK (status IN ('PROCESSING', 'READY', 'FAILED'));
ALTER TABLE recordings DROP COLUMN preview;
ALTER TABLE streams DROP COLUMN media_server, DROP COLUMN media_name;
