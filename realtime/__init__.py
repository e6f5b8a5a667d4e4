"""The WebSocket process: chat, presence and notifications, in step with every other copy of itself."""
