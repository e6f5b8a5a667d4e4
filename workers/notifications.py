"""Telling people, in batches."""

from uuid import UUID

from services import jobs, likes, notification_mail, notifications
from workers.app import task


@task(jobs.NOTIFY_FOLLOWERS)
def notify_followers(stream_id: str, after: str | None = None) -> None:
    notifications.notify_followers(UUID(stream_id), UUID(after) if after else None)


@task(jobs.MAIL_NOTIFICATION)
def mail_notification(notification_id: str) -> None:
    notification_mail.mail_notification(UUID(notification_id))


@task(jobs.TELL_OF_LIKES)
def tell_of_likes() -> None:
    likes.tell_of_likes()
