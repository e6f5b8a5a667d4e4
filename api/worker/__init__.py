"""The gunicorn worker that serves the API: threads that take turns at one poller."""
