-- Who may read and write which rows, for the role that the application uses. docs/decisions/row-level-security.md
-- depends: 0013_chatters_by_day

-- Whoever said nothing is nobody. A policy asks these as (SELECT …): once a statement, never once a row.
CREATE FUNCTION acting_user_id() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('astrotv.user_id', true), '')::uuid;
CREATE FUNCTION acts_for_all() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(current_setting('astrotv.role', true) IN ('admin', 'system'), false);

-- People. Everybody is shown by name and picture; what is nobody else's business is read through `accounts`.
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
CREATE POLICY users_read ON users FOR SELECT USING (true);
CREATE POLICY users_join ON users FOR INSERT WITH CHECK ((SELECT acts_for_all()));
CREATE POLICY users_own ON users FOR UPDATE USING (id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE POLICY users_leave ON users FOR DELETE USING ((SELECT acts_for_all()));
REVOKE SELECT ON users FROM astrotv_app;
GRANT SELECT (id, username, name, role, avatar, bio, company, title, status, follower_count, following_count,
              suspended_at, created_at, updated_at) ON users TO astrotv_app;

-- The whole of a person, for themselves and for administrators; it may be written through. Not a security
-- barrier: with one, no index would find an address. Who can run functions of their own here can name any actor.
CREATE VIEW accounts AS
    SELECT * FROM users WHERE id = (SELECT acting_user_id()) OR (SELECT acts_for_all())
    WITH CHECK OPTION;

CREATE FUNCTION users_keep_their_standing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('astrotv.user_id', true) <> '' AND NOT acts_for_all() THEN
        RAISE insufficient_privilege USING MESSAGE = 'nobody changes their own role, suspension or counts';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER users_standing BEFORE UPDATE ON users FOR EACH ROW
    WHEN (OLD.role IS DISTINCT FROM NEW.role
          OR OLD.suspended_at IS DISTINCT FROM NEW.suspended_at
          OR OLD.suspension_reason IS DISTINCT FROM NEW.suspension_reason
          OR OLD.email_verified_at IS DISTINCT FROM NEW.email_verified_at
          OR OLD.follower_count IS DISTINCT FROM NEW.follower_count
          OR OLD.following_count IS DISTINCT FROM NEW.following_count)
    EXECUTE FUNCTION users_keep_their_standing();

-- What belongs to one person: theirs to read and to write, and the platform's.
ALTER TABLE auth_sessions ENABLE ROW LEVEL SECURITY;
CREATE POLICY auth_sessions_own ON auth_sessions
    USING (user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
ALTER TABLE previous_usernames ENABLE ROW LEVEL SECURITY;
CREATE POLICY previous_usernames_own ON previous_usernames
    USING (user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
CREATE POLICY idempotency_keys_own ON idempotency_keys
    USING (user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
ALTER TABLE notification_preferences ENABLE ROW LEVEL SECURITY;
CREATE POLICY notification_preferences_own ON notification_preferences
    USING (user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
ALTER TABLE coin_purchases ENABLE ROW LEVEL SECURITY;
CREATE POLICY coin_purchases_own ON coin_purchases
    USING (user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
ALTER TABLE creator_applications ENABLE ROW LEVEL SECURITY;
CREATE POLICY creator_applications_own ON creator_applications
    USING (user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
ALTER TABLE event_users ENABLE ROW LEVEL SECURITY;
CREATE POLICY event_users_own ON event_users
    USING (user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
ALTER POLICY file_uploads_own ON file_uploads
    USING (owner_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
ALTER POLICY identity_verifications_own ON identity_verifications
    USING (user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
ALTER POLICY financial_details_own ON financial_details
    USING (user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));

-- What the platform counts of a person, who may look at it.
ALTER TABLE attendance_spans ENABLE ROW LEVEL SECURITY;
CREATE POLICY attendance_spans_read ON attendance_spans FOR SELECT USING (user_id = (SELECT acting_user_id()));
CREATE POLICY attendance_spans_platform ON attendance_spans USING ((SELECT acts_for_all()));
ALTER TABLE analytics_hourly ENABLE ROW LEVEL SECURITY;
CREATE POLICY analytics_hourly_read ON analytics_hourly FOR SELECT USING (streamer_id = (SELECT acting_user_id()));
CREATE POLICY analytics_hourly_platform ON analytics_hourly USING ((SELECT acts_for_all()));
ALTER TABLE analytics_daily ENABLE ROW LEVEL SECURITY;
CREATE POLICY analytics_daily_read ON analytics_daily FOR SELECT USING (streamer_id = (SELECT acting_user_id()));
CREATE POLICY analytics_daily_platform ON analytics_daily USING ((SELECT acts_for_all()));
ALTER TABLE analytics_chatters ENABLE ROW LEVEL SECURITY;
CREATE POLICY analytics_chatters_read ON analytics_chatters FOR SELECT USING (streamer_id = (SELECT acting_user_id()));
CREATE POLICY analytics_chatters_platform ON analytics_chatters USING ((SELECT acts_for_all()));
ALTER TABLE analytics_chatters_daily ENABLE ROW LEVEL SECURITY;
CREATE POLICY analytics_chatters_daily_read ON analytics_chatters_daily FOR SELECT USING (streamer_id = (SELECT acting_user_id()));
CREATE POLICY analytics_chatters_daily_platform ON analytics_chatters_daily USING ((SELECT acts_for_all()));

-- What the platform keeps for itself.
ALTER TABLE spent_refresh_tokens ENABLE ROW LEVEL SECURITY;
CREATE POLICY spent_refresh_tokens_platform ON spent_refresh_tokens USING ((SELECT acts_for_all()));
ALTER TABLE outbox ENABLE ROW LEVEL SECURITY;
CREATE POLICY outbox_platform ON outbox USING ((SELECT acts_for_all()));
ALTER TABLE dead_letters ENABLE ROW LEVEL SECURITY;
CREATE POLICY dead_letters_platform ON dead_letters USING ((SELECT acts_for_all()));
ALTER TABLE webhook_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY webhook_events_platform ON webhook_events USING ((SELECT acts_for_all()));
ALTER TABLE provider_products ENABLE ROW LEVEL SECURITY;
CREATE POLICY provider_products_platform ON provider_products USING ((SELECT acts_for_all()));
ALTER TABLE payment_sandbox_sessions ENABLE ROW LEVEL SECURITY;
CREATE POLICY payment_sandbox_sessions_platform ON payment_sandbox_sessions USING ((SELECT acts_for_all()));
ALTER TABLE payment_sandbox_deliveries ENABLE ROW LEVEL SECURITY;
CREATE POLICY payment_sandbox_deliveries_platform ON payment_sandbox_deliveries USING ((SELECT acts_for_all()));
ALTER TABLE payment_sandbox_products ENABLE ROW LEVEL SECURITY;
CREATE POLICY payment_sandbox_products_platform ON payment_sandbox_products USING ((SELECT acts_for_all()));
ALTER TABLE ingest_sessions ENABLE ROW LEVEL SECURITY;
CREATE POLICY ingest_sessions_platform ON ingest_sessions USING ((SELECT acts_for_all()));
ALTER TABLE presence_processes ENABLE ROW LEVEL SECURITY;
CREATE POLICY presence_processes_platform ON presence_processes USING ((SELECT acts_for_all()));
ALTER TABLE like_news ENABLE ROW LEVEL SECURITY;
CREATE POLICY like_news_platform ON like_news USING ((SELECT acts_for_all()));

-- Notifications are read and marked by whom they tell, and written by the platform.
ALTER TABLE notifications ENABLE ROW LEVEL SECURITY;
CREATE POLICY notifications_read ON notifications FOR SELECT
    USING (user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE POLICY notifications_mark ON notifications FOR UPDATE
    USING (user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE POLICY notifications_drop ON notifications FOR DELETE
    USING (user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE POLICY notifications_tell ON notifications FOR INSERT WITH CHECK ((SELECT acts_for_all()));

-- Money: one's own accounts, what moved on them and why; only the platform moves anything. A person has a
-- handful of accounts, which are found once a statement.
ALTER TABLE accounts_ledger ENABLE ROW LEVEL SECURITY;
CREATE POLICY accounts_ledger_read ON accounts_ledger FOR SELECT
    USING (owner_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE POLICY accounts_ledger_open ON accounts_ledger FOR INSERT WITH CHECK ((SELECT acts_for_all()));
CREATE POLICY accounts_ledger_move ON accounts_ledger FOR UPDATE USING ((SELECT acts_for_all()));
ALTER TABLE ledger_entries ENABLE ROW LEVEL SECURITY;
CREATE POLICY ledger_entries_read ON ledger_entries FOR SELECT USING (
    (SELECT acts_for_all())
    OR account_id = ANY (ARRAY(SELECT a.id FROM accounts_ledger a WHERE a.owner_id = (SELECT acting_user_id())))
);
CREATE POLICY ledger_entries_write ON ledger_entries FOR INSERT WITH CHECK ((SELECT acts_for_all()));
ALTER TABLE ledger_transactions ENABLE ROW LEVEL SECURITY;
CREATE POLICY ledger_transactions_read ON ledger_transactions FOR SELECT USING (
    (SELECT acts_for_all())
    OR EXISTS (SELECT FROM ledger_entries e WHERE e.transaction_id = ledger_transactions.id)
);
CREATE POLICY ledger_transactions_write ON ledger_transactions FOR INSERT WITH CHECK ((SELECT acts_for_all()));

ALTER TABLE gift_transactions ENABLE ROW LEVEL SECURITY;
CREATE POLICY gift_transactions_read ON gift_transactions FOR SELECT
    USING ((SELECT acting_user_id()) IN (sender_id, streamer_id) OR (SELECT acts_for_all()));
CREATE POLICY gift_transactions_give ON gift_transactions FOR INSERT
    WITH CHECK (sender_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
REVOKE UPDATE, DELETE ON gift_transactions FROM astrotv_app;
ALTER TABLE loyalty_points ENABLE ROW LEVEL SECURITY;
CREATE POLICY loyalty_points_read ON loyalty_points FOR SELECT
    USING ((SELECT acting_user_id()) IN (viewer_id, streamer_id) OR (SELECT acts_for_all()));
CREATE POLICY loyalty_points_earn ON loyalty_points FOR INSERT WITH CHECK ((SELECT acts_for_all()));
CREATE POLICY loyalty_points_add ON loyalty_points FOR UPDATE USING ((SELECT acts_for_all()));

ALTER TABLE discount_codes ENABLE ROW LEVEL SECURITY;
CREATE POLICY discount_codes_read ON discount_codes FOR SELECT
    USING (owner_id IS NULL OR owner_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE POLICY discount_codes_make ON discount_codes FOR INSERT WITH CHECK ((SELECT acts_for_all()));
CREATE POLICY discount_codes_count ON discount_codes FOR UPDATE USING ((SELECT acts_for_all()));
CREATE POLICY discount_codes_drop ON discount_codes FOR DELETE USING ((SELECT acts_for_all()));
ALTER TABLE discount_redemptions ENABLE ROW LEVEL SECURITY;
CREATE POLICY discount_redemptions_read ON discount_redemptions FOR SELECT
    USING (user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE POLICY discount_redemptions_use ON discount_redemptions FOR INSERT WITH CHECK ((SELECT acts_for_all()));
CREATE POLICY discount_redemptions_release ON discount_redemptions FOR UPDATE USING ((SELECT acts_for_all()));

-- A subscription is its two people's; that one subscribes, and in which tier, is shown beside one's name.
ALTER TABLE subscriptions ENABLE ROW LEVEL SECURITY;
CREATE POLICY subscriptions_read ON subscriptions FOR SELECT
    USING ((SELECT acting_user_id()) IN (subscriber_id, streamer_id) OR (SELECT acts_for_all()));
CREATE POLICY subscriptions_begin ON subscriptions FOR INSERT
    WITH CHECK (subscriber_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE POLICY subscriptions_change ON subscriptions FOR UPDATE
    USING (subscriber_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE VIEW subscriber_tiers AS
    SELECT subscriber_id, streamer_id, tier, status, expires_at FROM subscriptions
    WHERE status IN ('active', 'cancelled');
REVOKE INSERT, UPDATE, DELETE ON subscriber_tiers FROM astrotv_app;
ALTER TABLE subscription_payments ENABLE ROW LEVEL SECURITY;
CREATE POLICY subscription_payments_read ON subscription_payments FOR SELECT USING (
    (SELECT acts_for_all())
    OR EXISTS (SELECT FROM subscriptions s WHERE s.id = subscription_payments.subscription_id)
);
CREATE POLICY subscription_payments_book ON subscription_payments FOR INSERT WITH CHECK ((SELECT acts_for_all()));
CREATE POLICY subscription_payments_return ON subscription_payments FOR UPDATE USING ((SELECT acts_for_all()));

DROP POLICY payouts_own ON payouts;
CREATE POLICY payouts_read ON payouts FOR SELECT
    USING (user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE POLICY payouts_ask ON payouts FOR INSERT
    WITH CHECK (user_id = (SELECT acting_user_id()) AND status = 'pending' OR (SELECT acts_for_all()));
CREATE POLICY payouts_decide ON payouts FOR UPDATE USING ((SELECT acts_for_all()));
DROP POLICY marketplace_purchases_own ON marketplace_purchases;
CREATE POLICY marketplace_purchases_read ON marketplace_purchases FOR SELECT
    USING ((SELECT acting_user_id()) IN (buyer_id, seller_id) OR (SELECT acts_for_all()));
CREATE POLICY marketplace_purchases_buy ON marketplace_purchases FOR INSERT
    WITH CHECK (buyer_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
REVOKE UPDATE, DELETE ON marketplace_purchases FROM astrotv_app;
-- What concerns money is kept.
REVOKE DELETE ON coin_purchases, discount_redemptions, loyalty_points, subscriptions, subscription_payments, payouts
    FROM astrotv_app;

-- A channel is shown to all and changed by its streamer; what its key is made of is read through `channel_keys`.
ALTER TABLE channels ENABLE ROW LEVEL SECURITY;
CREATE POLICY channels_read ON channels FOR SELECT USING (true);
CREATE POLICY channels_open ON channels FOR INSERT WITH CHECK ((SELECT acts_for_all()));
CREATE POLICY channels_own ON channels FOR UPDATE
    USING (user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE POLICY channels_drop ON channels FOR DELETE USING ((SELECT acts_for_all()));
REVOKE SELECT ON channels FROM astrotv_app;
GRANT SELECT (id, user_id, room_id, default_title, default_description, default_category_id, default_tags,
              default_language, default_visibility, created_at, updated_at, event_id, content_tier)
    ON channels TO astrotv_app;
CREATE VIEW channel_keys AS
    SELECT id, user_id, event_id, stream_key_version, stream_key_hash, updated_at FROM channels
    WHERE user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all())
    WITH CHECK OPTION;
REVOKE INSERT, DELETE ON channel_keys FROM astrotv_app;
ALTER TABLE channel_ingresses ENABLE ROW LEVEL SECURITY;
CREATE POLICY channel_ingresses_own ON channel_ingresses USING (
    channel_id = (SELECT c.id FROM channels c WHERE c.user_id = (SELECT acting_user_id()))
    OR (SELECT acts_for_all())
);

-- Whom one follows is public, whom one blocks is not; either is done in one's own name.
ALTER TABLE follows ENABLE ROW LEVEL SECURITY;
CREATE POLICY follows_read ON follows FOR SELECT USING (true);
CREATE POLICY follows_begin ON follows FOR INSERT
    WITH CHECK (follower_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE POLICY follows_end ON follows FOR DELETE
    USING (follower_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
ALTER TABLE blocks ENABLE ROW LEVEL SECURITY;
CREATE POLICY blocks_read ON blocks FOR SELECT
    USING ((SELECT acting_user_id()) IN (blocker_id, blocked_id) OR (SELECT acts_for_all()));
CREATE POLICY blocks_begin ON blocks FOR INSERT
    WITH CHECK (blocker_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE POLICY blocks_end ON blocks FOR DELETE
    USING (blocker_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));

-- Messages are read by those who may be in the room, or might while it was open: of a lounge that was closed for
-- good what was said is kept for them. Rooms that are no lounge are open: each message costs one look into an index.
ALTER TABLE messages ENABLE ROW LEVEL SECURITY;
CREATE POLICY messages_read ON messages FOR SELECT USING (
    (SELECT acts_for_all())
    OR NOT EXISTS (
        SELECT FROM lounges l
        WHERE l.room_id = messages.room_id AND l.visibility = 'PRIVATE'
          AND current_setting('astrotv.role', true) IS DISTINCT FROM 'moderator'
          AND NOT EXISTS (SELECT FROM lounge_members m
                          WHERE m.lounge_id = l.id AND m.user_id = (SELECT acting_user_id())))
);
CREATE POLICY messages_mark ON messages FOR UPDATE USING ((SELECT acts_for_all()));
CREATE POLICY messages_expire ON messages FOR DELETE USING ((SELECT acts_for_all()));

-- Who keeps whom quiet is known to the one kept quiet, and to the platform.
ALTER TABLE bans ENABLE ROW LEVEL SECURITY;
CREATE POLICY bans_read ON bans FOR SELECT
    USING (user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE POLICY bans_put ON bans FOR INSERT WITH CHECK ((SELECT acts_for_all()));
CREATE POLICY bans_lift ON bans FOR UPDATE USING ((SELECT acts_for_all()));
REVOKE DELETE ON bans FROM astrotv_app;
ALTER TABLE reports ENABLE ROW LEVEL SECURITY;
CREATE POLICY reports_read ON reports FOR SELECT
    USING (reporter_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE POLICY reports_make ON reports FOR INSERT
    WITH CHECK (reporter_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE POLICY reports_resolve ON reports FOR UPDATE USING ((SELECT acts_for_all()));
REVOKE DELETE ON reports FROM astrotv_app;
ALTER TABLE moderation_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY moderation_log_read ON moderation_log FOR SELECT
    USING (actor_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE POLICY moderation_log_write ON moderation_log FOR INSERT
    WITH CHECK (actor_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));

-- Live events. A question of a draft is its organisers'; marks are put by the platform, once it saw who asks.
ALTER POLICY questions_read ON questions USING (
    (SELECT acts_for_all())
    OR EXISTS (SELECT FROM event_sessions s JOIN events e ON e.id = s.event_id
               WHERE s.id = questions.session_id AND e.status <> 'DRAFT')
);
ALTER POLICY questions_ask ON questions
    WITH CHECK (author_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
ALTER POLICY questions_mark ON questions USING ((SELECT acts_for_all()));
ALTER TABLE question_upvotes ENABLE ROW LEVEL SECURITY;
CREATE POLICY question_upvotes_read ON question_upvotes FOR SELECT
    USING (user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
ALTER TABLE poll_votes ENABLE ROW LEVEL SECURITY;
CREATE POLICY poll_votes_read ON poll_votes FOR SELECT
    USING (user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
ALTER TABLE poll_vote_options ENABLE ROW LEVEL SECURITY;
CREATE POLICY poll_vote_options_read ON poll_vote_options FOR SELECT
    USING (user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
ALTER POLICY survey_responses_read ON survey_responses
    USING (user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
ALTER POLICY survey_responses_give ON survey_responses
    WITH CHECK (user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
REVOKE UPDATE, DELETE ON survey_responses FROM astrotv_app;

-- How many, and never who.
CREATE FUNCTION count_attendees(event_id uuid) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
RETURN (SELECT count(*) FROM event_users a WHERE a.event_id = $1);
CREATE FUNCTION count_voters(poll_id uuid) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
RETURN (SELECT count(*) FROM poll_votes v WHERE v.poll_id = $1);
CREATE FUNCTION count_votes(poll_id uuid, option_id uuid) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
RETURN (SELECT count(*) FROM poll_vote_options v WHERE v.poll_id = $1 AND v.option_id = $2);
CREATE FUNCTION count_responses(survey_id uuid) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
RETURN (SELECT count(*) FROM survey_responses r WHERE r.survey_id = $1);
