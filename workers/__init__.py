"""The Celery processes: thin, idempotent shells around services."""
