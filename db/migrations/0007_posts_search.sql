-- Posts with media, comments and likes; search that needs no extension; who wants to be told what, and how.
-- depends: 0006_accounts_extra

CREATE TABLE posts (
    id uuid PRIMARY KEY,
    author_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    text text NOT NULL CONSTRAINT posts_text_length CHECK (length(text) BETWEEN 1 AND 5000),
    visibility text NOT NULL DEFAULT 'PUBLIC'
        CONSTRAINT posts_visibility_known CHECK (visibility IN ('PUBLIC', 'FOLLOWERS', 'SUBSCRIBERS')),
    like_count integer NOT NULL DEFAULT 0 CHECK (like_count >= 0),
    comment_count integer NOT NULL DEFAULT 0 CHECK (comment_count >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX posts_author_idx ON posts (author_id, id DESC);
-- What anybody may see, newest first: the public feed reads this from its top.
CREATE INDEX posts_public_idx ON posts (id DESC) WHERE visibility = 'PUBLIC';
-- What only some may see: a personal feed asks it once for each author who is followed or subscribed to.
CREATE INDEX posts_limited_idx ON posts (author_id, visibility, id DESC) WHERE visibility <> 'PUBLIC';
-- Counting likes is no edit: only what the author changes moves updated_at.
CREATE TRIGGER posts_touch BEFORE UPDATE OF text, visibility ON posts
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TABLE post_media (
    id uuid PRIMARY KEY,
    post_id uuid NOT NULL REFERENCES posts ON DELETE CASCADE,
    position integer NOT NULL CONSTRAINT post_media_position_bounded CHECK (position BETWEEN 0 AND 9),
    kind text NOT NULL CONSTRAINT post_media_kind_known CHECK (kind IN ('IMAGE', 'VIDEO')),
    status text NOT NULL DEFAULT 'PROCESSING'
        CONSTRAINT post_media_status_known CHECK (status IN ('PROCESSING', 'READY', 'FAILED')),
    source_key text,
    source_format text NOT NULL,
    url text,
    thumbnail text,
    width integer CHECK (width > 0),
    height integer CHECK (height > 0),
    error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT post_media_position_key UNIQUE (post_id, position),
    CONSTRAINT post_media_ready_can_be_shown CHECK (status <> 'READY' OR num_nulls(url, thumbnail, width, height) = 0),
    CONSTRAINT post_media_failed_says_why CHECK ((status = 'FAILED') = (error IS NOT NULL))
);
CREATE TRIGGER post_media_touch BEFORE UPDATE ON post_media
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TABLE post_likes (
    post_id uuid NOT NULL REFERENCES posts ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT post_likes_pkey PRIMARY KEY (post_id, user_id)
);
CREATE INDEX post_likes_user_idx ON post_likes (user_id);

-- A reply's parent is a comment of the same post; both go together.
CREATE TABLE comments (
    id uuid PRIMARY KEY,
    post_id uuid NOT NULL REFERENCES posts ON DELETE CASCADE,
    parent_id uuid,
    author_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    text text NOT NULL CONSTRAINT comments_text_length CHECK (length(text) BETWEEN 1 AND 1000),
    like_count integer NOT NULL DEFAULT 0 CHECK (like_count >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT comments_post_key UNIQUE (post_id, id),
    CONSTRAINT comments_parent_of_same_post FOREIGN KEY (post_id, parent_id)
        REFERENCES comments (post_id, id) ON DELETE CASCADE
);
CREATE INDEX comments_parent_idx ON comments (post_id, parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX comments_author_idx ON comments (author_id);
CREATE TRIGGER comments_touch BEFORE UPDATE OF text ON comments
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TABLE comment_likes (
    comment_id uuid NOT NULL REFERENCES comments ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT comment_likes_pkey PRIMARY KEY (comment_id, user_id)
);
CREATE INDEX comment_likes_user_idx ON comment_likes (user_id);

-- Likes that their post's or comment's author has not been told of: a job gathers them.
CREATE TABLE like_news (
    id uuid PRIMARY KEY,
    owner_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    liker_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    post_id uuid NOT NULL REFERENCES posts ON DELETE CASCADE,
    comment_id uuid REFERENCES comments ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT like_news_once_key UNIQUE NULLS NOT DISTINCT (post_id, comment_id, liker_id)
);
CREATE INDEX like_news_owner_idx ON like_news (owner_id);
CREATE INDEX like_news_liker_idx ON like_news (liker_id);
CREATE INDEX like_news_comment_idx ON like_news (comment_id) WHERE comment_id IS NOT NULL;

-- What differs from the default of its kind.
CREATE TABLE notification_preferences (
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    kind text NOT NULL CHECK (length(kind) BETWEEN 1 AND 40),
    in_app boolean NOT NULL,
    push boolean NOT NULL,
    mail boolean NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT notification_preferences_pkey PRIMARY KEY (user_id, kind)
);
CREATE TRIGGER notification_preferences_touch BEFORE UPDATE ON notification_preferences
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

-- A notification that is only mailed or pushed is kept too, so that nobody hears twice of one cause.
ALTER TABLE notifications
    ADD COLUMN in_app boolean NOT NULL DEFAULT true,
    ADD COLUMN wants_mail boolean NOT NULL DEFAULT false,
    ADD COLUMN mailed_at timestamptz;
CREATE INDEX notifications_unread_first_idx ON notifications (user_id, (read_at IS NULL) DESC, id DESC) WHERE in_app;

CREATE INDEX follows_followers_idx ON follows (following_id, created_at DESC, follower_id DESC);
CREATE INDEX follows_followed_idx ON follows (follower_id, created_at DESC, following_id DESC);
CREATE INDEX users_creators_idx ON users (follower_count DESC, id DESC)
    WHERE role <> 'viewer' AND suspended_at IS NULL;
CREATE INDEX streams_live_first_idx ON streams ((status = 'LIVE') DESC, viewer_count DESC, id DESC)
    WHERE visibility <> 'UNLISTED';

-- Search. Text is compared in small letters and without accents, word by word.
CREATE FUNCTION search_plain(given text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT trim(regexp_replace(
        regexp_replace(lower(normalize(given, NFKD)), '[\u0300-\u036f]', '', 'g'), '[^[:alnum:]]+', ' ', 'g'))
$$;

CREATE FUNCTION search_document(given text) RETURNS tsvector
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT to_tsvector('simple'::regconfig, public.search_plain(given))
$$;

-- The trigrams of each word, in the order of the text; two spaces before a word and one after it,
-- as in pg_trgm, so that beginnings weigh more.
CREATE FUNCTION search_trigrams(given text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(substr(padded.word, n, 3) ORDER BY words.ordinal, n), '{}')
    FROM regexp_split_to_table(public.search_plain(given), ' ') WITH ORDINALITY AS words (word, ordinal),
         LATERAL (SELECT '  ' || words.word || ' ' AS word) AS padded,
         LATERAL generate_series(1, length(words.word) + 1) AS n
    WHERE words.word <> ''
$$;

-- Part `part` (from 0) of `parts` of a text's trigrams, in a row. One wrong letter spoils trigrams that
-- stand side by side: of several parts at least one stays whole, and finds the text by an index.
CREATE FUNCTION search_trigram_part(given text, part integer, parts integer) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT trigrams[part * cardinality(trigrams) / parts + 1 : (part + 1) * cardinality(trigrams) / parts]
    FROM (SELECT public.search_trigrams(given) AS trigrams) AS whole
$$;

CREATE INDEX users_document_idx ON users USING gin (search_document(username || ' ' || name));
CREATE INDEX users_trigrams_idx ON users USING gin (search_trigrams(username || ' ' || name));
CREATE INDEX streams_document_idx ON streams USING gin (search_document(title));
CREATE INDEX streams_trigrams_idx ON streams USING gin (search_trigrams(title));
CREATE INDEX categories_document_idx ON categories USING gin (search_document(name));
CREATE INDEX categories_trigrams_idx ON categories USING gin (search_trigrams(name));
