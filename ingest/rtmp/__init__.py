"""RTMP as a protocol alone: bytes in, events and bytes out, no sockets."""
