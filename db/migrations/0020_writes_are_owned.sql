-- Who may write what everybody reads: the row-level security of catalogues, of what organisers make, of rooms,
-- channels and posts. Reading stays open where pages show it; docs/decisions/row-level-security.md
-- depends: 0019_drafts_are_closed

-- Tables are taken one after another while others use them: give way sooner than PostgreSQL looks for deadlocks.
SET LOCAL lock_timeout = '400ms';

CREATE FUNCTION acts_as_staff() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(current_setting('astrotv.role', true) IN ('moderator', 'admin', 'system'), false);

CREATE FUNCTION acting_channel_id() RETURNS uuid LANGUAGE sql STABLE AS
    $$ SELECT id FROM channels WHERE user_id = acting_user_id() $$;

CREATE FUNCTION owns_room(room_id uuid) RETURNS boolean LANGUAGE sql STABLE AS
    $$ SELECT EXISTS (SELECT FROM rooms r WHERE r.id = $1 AND r.owner_id = acting_user_id()) $$;

-- Whether the one who acts owns a room or was made moderator of it.
CREATE FUNCTION keeps_order_in(room_id uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT owns_room($1)
        OR EXISTS (SELECT FROM room_moderators m WHERE m.room_id = $1 AND m.user_id = acting_user_id())
$$;
CREATE FUNCTION keeps_lounge(lounge_id uuid) RETURNS boolean LANGUAGE sql STABLE AS
    $$ SELECT EXISTS (SELECT FROM lounges l WHERE l.id = $1 AND keeps_order_in(l.room_id)) $$;

-- Rows may be locked by whoever reads them (a policy cannot tell a lock from a change), so of a change the outcome
-- is checked; whose a row is, is a column that nobody writes.

-- Catalogues are made by administrators.
ALTER TABLE categories ENABLE ROW LEVEL SECURITY;
CREATE POLICY categories_read ON categories FOR SELECT USING (true);
CREATE POLICY categories_add ON categories FOR INSERT WITH CHECK ((SELECT acts_for_all()));
CREATE POLICY categories_change ON categories FOR UPDATE USING (true) WITH CHECK ((SELECT acts_for_all()));
CREATE POLICY categories_drop ON categories FOR DELETE USING ((SELECT acts_for_all()));

ALTER TABLE coin_packs ENABLE ROW LEVEL SECURITY;
CREATE POLICY coin_packs_read ON coin_packs FOR SELECT USING (true);
CREATE POLICY coin_packs_add ON coin_packs FOR INSERT WITH CHECK ((SELECT acts_for_all()));
CREATE POLICY coin_packs_change ON coin_packs FOR UPDATE USING (true) WITH CHECK ((SELECT acts_for_all()));
CREATE POLICY coin_packs_drop ON coin_packs FOR DELETE USING ((SELECT acts_for_all()));

ALTER TABLE category_tags ENABLE ROW LEVEL SECURITY;
CREATE POLICY category_tags_read ON category_tags FOR SELECT USING (true);
CREATE POLICY category_tags_add ON category_tags FOR INSERT WITH CHECK ((SELECT acts_for_all()));
REVOKE UPDATE ON category_tags FROM astrotv_app;
CREATE POLICY category_tags_drop ON category_tags FOR DELETE USING ((SELECT acts_for_all()));

ALTER TABLE discount_code_packs ENABLE ROW LEVEL SECURITY;
CREATE POLICY discount_code_packs_read ON discount_code_packs FOR SELECT USING (true);
CREATE POLICY discount_code_packs_add ON discount_code_packs FOR INSERT WITH CHECK ((SELECT acts_for_all()));
REVOKE UPDATE ON discount_code_packs FROM astrotv_app;
CREATE POLICY discount_code_packs_drop ON discount_code_packs FOR DELETE USING ((SELECT acts_for_all()));

-- Events are made by organisers.
ALTER TABLE projects ENABLE ROW LEVEL SECURITY;
CREATE POLICY projects_read ON projects FOR SELECT USING (true);
CREATE POLICY projects_add ON projects FOR INSERT WITH CHECK ((SELECT acts_for_all()));
CREATE POLICY projects_change ON projects FOR UPDATE USING (true) WITH CHECK ((SELECT acts_for_all()));
CREATE POLICY projects_drop ON projects FOR DELETE USING ((SELECT acts_for_all()));

ALTER TABLE events ENABLE ROW LEVEL SECURITY;
CREATE POLICY events_read ON events FOR SELECT USING (true);
CREATE POLICY events_add ON events FOR INSERT WITH CHECK ((SELECT acts_for_all()));
CREATE POLICY events_change ON events FOR UPDATE USING (true) WITH CHECK ((SELECT acts_for_all()));
CREATE POLICY events_drop ON events FOR DELETE USING ((SELECT acts_for_all()));

ALTER TABLE breakout_rooms ENABLE ROW LEVEL SECURITY;
CREATE POLICY breakout_rooms_read ON breakout_rooms FOR SELECT USING (true);
CREATE POLICY breakout_rooms_add ON breakout_rooms FOR INSERT WITH CHECK ((SELECT acts_for_all()));
CREATE POLICY breakout_rooms_change ON breakout_rooms FOR UPDATE USING (true)
    WITH CHECK ((SELECT acts_for_all()));
CREATE POLICY breakout_rooms_drop ON breakout_rooms FOR DELETE USING ((SELECT acts_for_all()));

ALTER TABLE polls ENABLE ROW LEVEL SECURITY;
CREATE POLICY polls_read ON polls FOR SELECT USING (true);
CREATE POLICY polls_add ON polls FOR INSERT WITH CHECK ((SELECT acts_for_all()));
CREATE POLICY polls_change ON polls FOR UPDATE USING (true) WITH CHECK ((SELECT acts_for_all()));
CREATE POLICY polls_drop ON polls FOR DELETE USING ((SELECT acts_for_all()));

ALTER TABLE poll_options ENABLE ROW LEVEL SECURITY;
CREATE POLICY poll_options_read ON poll_options FOR SELECT USING (true);
CREATE POLICY poll_options_add ON poll_options FOR INSERT WITH CHECK ((SELECT acts_for_all()));
CREATE POLICY poll_options_change ON poll_options FOR UPDATE USING (true)
    WITH CHECK ((SELECT acts_for_all()));
CREATE POLICY poll_options_drop ON poll_options FOR DELETE USING ((SELECT acts_for_all()));

ALTER TABLE surveys ENABLE ROW LEVEL SECURITY;
CREATE POLICY surveys_read ON surveys FOR SELECT USING (true);
CREATE POLICY surveys_add ON surveys FOR INSERT WITH CHECK ((SELECT acts_for_all()));
CREATE POLICY surveys_change ON surveys FOR UPDATE USING (true) WITH CHECK ((SELECT acts_for_all()));
CREATE POLICY surveys_drop ON surveys FOR DELETE USING ((SELECT acts_for_all()));

ALTER TABLE survey_fields ENABLE ROW LEVEL SECURITY;
CREATE POLICY survey_fields_read ON survey_fields FOR SELECT USING (true);
CREATE POLICY survey_fields_add ON survey_fields FOR INSERT WITH CHECK ((SELECT acts_for_all()));
CREATE POLICY survey_fields_change ON survey_fields FOR UPDATE USING (true)
    WITH CHECK ((SELECT acts_for_all()));
CREATE POLICY survey_fields_drop ON survey_fields FOR DELETE USING ((SELECT acts_for_all()));

-- Its moderators lock a session while they mark its questions.
ALTER TABLE event_sessions ENABLE ROW LEVEL SECURITY;
CREATE POLICY event_sessions_read ON event_sessions FOR SELECT USING (true);
CREATE POLICY event_sessions_add ON event_sessions FOR INSERT WITH CHECK ((SELECT acts_for_all()));
CREATE POLICY event_sessions_change ON event_sessions FOR UPDATE USING (true)
    WITH CHECK ((SELECT acts_as_staff()));
CREATE POLICY event_sessions_drop ON event_sessions FOR DELETE USING ((SELECT acts_for_all()));

-- What a streamer offers.
ALTER TABLE gifts ENABLE ROW LEVEL SECURITY;
CREATE POLICY gifts_read ON gifts FOR SELECT USING (true);
CREATE POLICY gifts_add ON gifts FOR INSERT
    WITH CHECK (streamer_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE POLICY gifts_change ON gifts FOR UPDATE USING (true)
    WITH CHECK (streamer_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE POLICY gifts_drop ON gifts FOR DELETE
    USING (streamer_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));

ALTER TABLE loyalty_levels ENABLE ROW LEVEL SECURITY;
CREATE POLICY loyalty_levels_read ON loyalty_levels FOR SELECT USING (true);
CREATE POLICY loyalty_levels_add ON loyalty_levels FOR INSERT
    WITH CHECK (streamer_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE POLICY loyalty_levels_change ON loyalty_levels FOR UPDATE USING (true)
    WITH CHECK (streamer_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE POLICY loyalty_levels_drop ON loyalty_levels FOR DELETE
    USING (streamer_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));

ALTER TABLE emotes ENABLE ROW LEVEL SECURITY;
CREATE POLICY emotes_read ON emotes FOR SELECT USING (true);
CREATE POLICY emotes_add ON emotes FOR INSERT
    WITH CHECK (streamer_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE POLICY emotes_change ON emotes FOR UPDATE USING (true)
    WITH CHECK (streamer_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE POLICY emotes_drop ON emotes FOR DELETE
    USING (streamer_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));

ALTER TABLE creator_profiles ENABLE ROW LEVEL SECURITY;
CREATE POLICY creator_profiles_read ON creator_profiles FOR SELECT USING (true);
CREATE POLICY creator_profiles_add ON creator_profiles FOR INSERT
    WITH CHECK (user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE POLICY creator_profiles_change ON creator_profiles FOR UPDATE USING (true)
    WITH CHECK (user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE POLICY creator_profiles_drop ON creator_profiles FOR DELETE
    USING (user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));

-- A stream belongs to its channel's streamer; those of events to organisers.
ALTER TABLE streams ENABLE ROW LEVEL SECURITY;
CREATE POLICY streams_read ON streams FOR SELECT USING (true);
CREATE POLICY streams_add ON streams FOR INSERT
    WITH CHECK (channel_id = (SELECT acting_channel_id()) OR (SELECT acts_for_all()));
CREATE POLICY streams_change ON streams FOR UPDATE USING (true)
    WITH CHECK (channel_id = (SELECT acting_channel_id()) OR (SELECT acts_for_all()));
CREATE POLICY streams_drop ON streams FOR DELETE
    USING (channel_id = (SELECT acting_channel_id()) OR (SELECT acts_for_all()));

-- A room is its owner's; its moderators change its settings, and nobody whose it is.
ALTER TABLE rooms ENABLE ROW LEVEL SECURITY;
CREATE POLICY rooms_read ON rooms FOR SELECT USING (true);
CREATE POLICY rooms_add ON rooms FOR INSERT
    WITH CHECK (owner_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE POLICY rooms_change ON rooms FOR UPDATE USING (true)
    WITH CHECK ((SELECT acts_as_staff()) OR keeps_order_in(id));
CREATE POLICY rooms_drop ON rooms FOR DELETE
    USING (owner_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));

REVOKE UPDATE (owner_id) ON rooms FROM astrotv_app;

ALTER TABLE room_moderators ENABLE ROW LEVEL SECURITY;
CREATE POLICY room_moderators_read ON room_moderators FOR SELECT USING (true);
CREATE POLICY room_moderators_add ON room_moderators FOR INSERT
    WITH CHECK ((SELECT acts_for_all()) OR owns_room(room_id));
REVOKE UPDATE ON room_moderators FROM astrotv_app;
CREATE POLICY room_moderators_drop ON room_moderators FOR DELETE
    USING ((SELECT acts_for_all()) OR owns_room(room_id) OR (SELECT acts_as_staff()));

ALTER TABLE lounges ENABLE ROW LEVEL SECURITY;
CREATE POLICY lounges_read ON lounges FOR SELECT USING (true);
CREATE POLICY lounges_add ON lounges FOR INSERT WITH CHECK ((SELECT acts_for_all()) OR owns_room(room_id));
CREATE POLICY lounges_change ON lounges FOR UPDATE USING (true)
    WITH CHECK ((SELECT acts_for_all()) OR owns_room(room_id));
CREATE POLICY lounges_drop ON lounges FOR DELETE USING ((SELECT acts_for_all()) OR owns_room(room_id));

-- Whoever could ask themselves in could read a private lounge.
ALTER TABLE lounge_members ENABLE ROW LEVEL SECURITY;
CREATE POLICY lounge_members_read ON lounge_members FOR SELECT USING (true);
CREATE POLICY lounge_members_add ON lounge_members FOR INSERT
    WITH CHECK ((SELECT acts_as_staff()) OR keeps_lounge(lounge_id));
REVOKE UPDATE ON lounge_members FROM astrotv_app;
CREATE POLICY lounge_members_drop ON lounge_members FOR DELETE
    USING (user_id = (SELECT acting_user_id()) OR (SELECT acts_as_staff()) OR keeps_lounge(lounge_id));

-- Everybody moves the counts of a post and of a comment; a trigger keeps the words.
ALTER TABLE posts ENABLE ROW LEVEL SECURITY;
CREATE POLICY posts_read ON posts FOR SELECT USING (true);
CREATE POLICY posts_add ON posts FOR INSERT
    WITH CHECK (author_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE POLICY posts_change ON posts FOR UPDATE USING (true) WITH CHECK (true);
CREATE POLICY posts_drop ON posts FOR DELETE
    USING (author_id = (SELECT acting_user_id()) OR (SELECT acts_as_staff()));

ALTER TABLE comments ENABLE ROW LEVEL SECURITY;
CREATE POLICY comments_read ON comments FOR SELECT USING (true);
CREATE POLICY comments_add ON comments FOR INSERT
    WITH CHECK (author_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE POLICY comments_change ON comments FOR UPDATE USING (true) WITH CHECK (true);
CREATE POLICY comments_drop ON comments FOR DELETE
    USING (author_id = (SELECT acting_user_id()) OR (SELECT acts_as_staff())
    OR EXISTS (SELECT FROM posts p WHERE p.id = comments.post_id AND p.author_id = (SELECT acting_user_id())));

ALTER TABLE post_likes ENABLE ROW LEVEL SECURITY;
CREATE POLICY post_likes_read ON post_likes FOR SELECT USING (true);
CREATE POLICY post_likes_add ON post_likes FOR INSERT
    WITH CHECK (user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
REVOKE UPDATE ON post_likes FROM astrotv_app;
CREATE POLICY post_likes_drop ON post_likes FOR DELETE
    USING (user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));

ALTER TABLE comment_likes ENABLE ROW LEVEL SECURITY;
CREATE POLICY comment_likes_read ON comment_likes FOR SELECT USING (true);
CREATE POLICY comment_likes_add ON comment_likes FOR INSERT
    WITH CHECK (user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
REVOKE UPDATE ON comment_likes FROM astrotv_app;
CREATE POLICY comment_likes_drop ON comment_likes FOR DELETE
    USING (user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));

CREATE FUNCTION words_stay_their_authors() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT acts_for_all() AND OLD.author_id IS DISTINCT FROM acting_user_id()
       OR NEW.author_id IS DISTINCT FROM OLD.author_id OR NEW.id IS DISTINCT FROM OLD.id THEN
        RAISE insufficient_privilege USING MESSAGE = 'words are changed by whose they are';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER posts_words BEFORE UPDATE ON posts FOR EACH ROW
    WHEN ((OLD.id, OLD.author_id, OLD.text, OLD.visibility)
          IS DISTINCT FROM (NEW.id, NEW.author_id, NEW.text, NEW.visibility))
    EXECUTE FUNCTION words_stay_their_authors();
CREATE TRIGGER comments_words BEFORE UPDATE ON comments FOR EACH ROW
    WHEN ((OLD.id, OLD.author_id, OLD.post_id, OLD.parent_id, OLD.text)
          IS DISTINCT FROM (NEW.id, NEW.author_id, NEW.post_id, NEW.parent_id, NEW.text))
    EXECUTE FUNCTION words_stay_their_authors();

-- The outcome of a change cannot tell that a row was somebody else's before.
CREATE FUNCTION belongs_where_it_did() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT acts_for_all() THEN
        RAISE insufficient_privilege USING MESSAGE = 'nobody changes whose this is';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER gifts_belong BEFORE UPDATE ON gifts FOR EACH ROW
    WHEN (OLD.streamer_id IS DISTINCT FROM NEW.streamer_id) EXECUTE FUNCTION belongs_where_it_did();
CREATE TRIGGER loyalty_levels_belong BEFORE UPDATE ON loyalty_levels FOR EACH ROW
    WHEN (OLD.streamer_id IS DISTINCT FROM NEW.streamer_id) EXECUTE FUNCTION belongs_where_it_did();
CREATE TRIGGER emotes_belong BEFORE UPDATE ON emotes FOR EACH ROW
    WHEN (OLD.streamer_id IS DISTINCT FROM NEW.streamer_id) EXECUTE FUNCTION belongs_where_it_did();
CREATE TRIGGER creator_profiles_belong BEFORE UPDATE ON creator_profiles FOR EACH ROW
    WHEN (OLD.user_id IS DISTINCT FROM NEW.user_id) EXECUTE FUNCTION belongs_where_it_did();
CREATE TRIGGER streams_belong BEFORE UPDATE ON streams FOR EACH ROW
    WHEN (OLD.channel_id IS DISTINCT FROM NEW.channel_id) EXECUTE FUNCTION belongs_where_it_did();
CREATE TRIGGER lounges_belong BEFORE UPDATE ON lounges FOR EACH ROW
    WHEN (OLD.room_id IS DISTINCT FROM NEW.room_id) EXECUTE FUNCTION belongs_where_it_did();
