"""Notifications as letters, for the people and kinds that want them."""

from collections.abc import Sequence
from uuid import UUID

from db.connection import query
from db.transactions import atomic
from services import clock, mail
from services.bus import bus
from services.gateways.mail import Letter, MailRefused


def mail_notifications(notification_ids: Sequence[UUID]) -> None:
    """Send notifications as letters, each once, however often this is tried.

    Raises Unavailable where the mail server is away, with what was sent so far sent for good; and,
    after the others, MailRefused where it will never take one of them.
    """
    refused: MailRefused | None = None
    for notification_id in notification_ids:
        try:
            mail_notification(notification_id)
        except MailRefused as error:
            refused = error
    if refused is not None:
        raise refused


def mail_notification(notification_id: UUID) -> None:
    """Send a notification as a letter, once; raises Unavailable where the mail server is away.

    It is marked as mailed in a transaction that only commits when the letter was taken.
    """
    with atomic():
        rows = query(_CLAIM, (clock.now(), notification_id))
        if rows:
            address, title, body = rows[0]
            mail.deliver(Letter(id=str(notification_id), to=address, subject=title, text=_text(title, body)))


def _text(title: str, body: str) -> str:
    said = "\n\n".join(part for part in (f"{title}.", body) if part)
    return f"{said}\n\nChoose what you are told of and how: {bus.settings.frontend_url}/settings/notifications\n"


_CLAIM = """
UPDATE notifications n SET mailed_at = %s FROM accounts u
WHERE n.id = %s AND u.id = n.user_id AND n.wants_mail AND n.mailed_at IS NULL
RETURNING u.email, n.title, n.body"""
