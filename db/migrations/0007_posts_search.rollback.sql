DROP INDEX categories_document_idx, categories_trigrams_idx, streams_document_idx, streams_trigrams_idx,
    users_document_idx, users_trigrams_idx, users_creators_idx,
    streams_live_first_idx, follows_followers_idx, follows_followed_idx,
    notifications_unread_first_idx;
DROP FUNCTION search_document, search_trigram_part, search_trigrams, search_plain;
ALTER TABLE notifications DROP COLUMN in_app, DROP COLUMN mailed_at, DROP COLUMN wants_mail;
DROP TABLE like_news, notification_preferences, comment_likes, comments, post_likes, post_media, posts;
