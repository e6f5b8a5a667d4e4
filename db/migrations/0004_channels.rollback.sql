DROP TABLE creator_applications, blocks, follows, recordings, ingest_sessions, streams, channels, category_tags, tags, categories;
