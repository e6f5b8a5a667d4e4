"""The server under the API, asked through bare sockets."""
