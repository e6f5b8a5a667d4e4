"""Notifications as letters, for the people and kinds that want them."""

from uuid import UUID

from db.connection import query
from db.transactions import atomic
from services import clock, mail
from services.bus import bus
from services.gateways.mail import Letter


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
