-- What only the platform writes: what its workers make of media, and count. And who may write the rest of what
-- everybody reads. docs/decisions/row-level-security.md
-- depends: 0021_messages_where_one_may_be

-- Tables are taken one after another while others use them: give way sooner than PostgreSQL looks for deadlocks.
SET LOCAL lock_timeout = '400ms';

-- One applies and hands in papers; what comes of it others decide.
ALTER POLICY creator_applications_own ON creator_applications
    WITH CHECK (user_id = (SELECT acting_user_id()) AND status = 'PENDING' OR (SELECT acts_for_all()));
ALTER POLICY identity_verifications_own ON identity_verifications
    WITH CHECK (user_id = (SELECT acting_user_id()) AND status = 'PENDING' OR (SELECT acts_for_all()));

-- What is on sale is its seller's; what went of it the platform counts.
ALTER TABLE marketplace_items ENABLE ROW LEVEL SECURITY;
CREATE POLICY marketplace_items_read ON marketplace_items FOR SELECT USING (true);
CREATE POLICY marketplace_items_add ON marketplace_items FOR INSERT
    WITH CHECK (seller_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE POLICY marketplace_items_change ON marketplace_items FOR UPDATE USING (true)
    WITH CHECK (seller_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE POLICY marketplace_items_drop ON marketplace_items FOR DELETE
    USING (seller_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE TRIGGER marketplace_items_belong BEFORE UPDATE ON marketplace_items FOR EACH ROW
    WHEN ((OLD.seller_id, OLD.sold) IS DISTINCT FROM (NEW.seller_id, NEW.sold))
    EXECUTE FUNCTION belongs_where_it_did();

-- Tags come to be with the categories that administrators make.
ALTER TABLE tags ENABLE ROW LEVEL SECURITY;
CREATE POLICY tags_read ON tags FOR SELECT USING (true);
CREATE POLICY tags_write ON tags USING ((SELECT acts_for_all()));

-- People ask for clips, and hang files on their own posts; workers make of them what is shown.
ALTER TABLE clips ENABLE ROW LEVEL SECURITY;
CREATE POLICY clips_read ON clips FOR SELECT USING (true);
CREATE POLICY clips_ask ON clips FOR INSERT
    WITH CHECK (creator_id = (SELECT acting_user_id()) AND status = 'PROCESSING' OR (SELECT acts_for_all()));
CREATE POLICY clips_make ON clips FOR UPDATE USING ((SELECT acts_for_all()));
CREATE POLICY clips_drop ON clips FOR DELETE USING ((SELECT acts_for_all()));
ALTER TABLE post_media ENABLE ROW LEVEL SECURITY;
CREATE POLICY post_media_read ON post_media FOR SELECT USING (true);
CREATE POLICY post_media_add ON post_media FOR INSERT WITH CHECK (
    (SELECT acts_for_all())
    OR status = 'PROCESSING' AND EXISTS (
        SELECT FROM posts p WHERE p.id = post_media.post_id AND p.author_id = (SELECT acting_user_id()))
);
CREATE POLICY post_media_make ON post_media FOR UPDATE USING ((SELECT acts_for_all()));
CREATE POLICY post_media_drop ON post_media FOR DELETE USING ((SELECT acts_for_all()));
ALTER TABLE recordings ENABLE ROW LEVEL SECURITY;
CREATE POLICY recordings_read ON recordings FOR SELECT USING (true);
CREATE POLICY recordings_write ON recordings USING ((SELECT acts_for_all()));

-- What workers count, and how far they came.
ALTER TABLE stream_metrics_minute ENABLE ROW LEVEL SECURITY;
CREATE POLICY stream_metrics_minute_read ON stream_metrics_minute FOR SELECT USING (true);
CREATE POLICY stream_metrics_minute_write ON stream_metrics_minute USING ((SELECT acts_for_all()));
ALTER TABLE analytics_progress ENABLE ROW LEVEL SECURITY;
CREATE POLICY analytics_progress_read ON analytics_progress FOR SELECT USING (true);
CREATE POLICY analytics_progress_write ON analytics_progress USING ((SELECT acts_for_all()));
ALTER TABLE retention_progress ENABLE ROW LEVEL SECURITY;
CREATE POLICY retention_progress_read ON retention_progress FOR SELECT USING (true);
CREATE POLICY retention_progress_write ON retention_progress USING ((SELECT acts_for_all()));
