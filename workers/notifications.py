"""Telling people, in batches."""

from uuid import UUID

from services import jobs, likes, notification_mail, notifications
from workers.app import task


@task(jobs.NOTIFY_FOLLOWERS)
def notify_followers(stream_id: str, after: str | None = None) -> None:
    notifications.notify_followers(UUID(stream_id), UUID(after) if after else None)


@task(jobs.MAIL_NOTIFICATIONS)
def mail_notifications(ids: list[str]) -> None:
    notification_mail.mail_notifications([UUID(notification_id) for notification_id in ids])


@task(jobs.TELL_OF_LIKES)
def tell_of_likes() -> None:
    likes.tell_of_likes()
