"""The ingest process: RTMP in; live playlists, segments and a relay for transcoders out."""
