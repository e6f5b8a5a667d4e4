"""Telling people, in batches."""

from uuid import UUID

from services import jobs, notifications
from workers.app import task


@task(jobs.NOTIFY_FOLLOWERS)
def notify_followers(stream_id: str, after: str | None = None) -> None:
    notifications.notify_followers(UUID(stream_id), UUID(after) if after else None)
