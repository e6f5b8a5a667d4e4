"""The HTTP process: parses requests, calls one service each, shapes the replies."""
