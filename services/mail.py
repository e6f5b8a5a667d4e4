"""Sending letters: composed when their turn comes, from what the database holds then."""

from collections.abc import Callable, Mapping
from uuid import UUID

from services import jobs, letters
from services.bus import bus
from services.errors import Unavailable
from services.gateways.mail import Letter, MailAway, open_mailer

Compose = Callable[[UUID], Letter | None]

#: Every kind of letter, and who composes it from the id of what it is about; None means: no longer.
KINDS: Mapping[str, Compose] = {
    "one_time_code": letters.one_time_code,
    "password_changed": letters.password_changed,
}


def ask(kind: str, about: UUID) -> None:
    """Have a letter sent once the transaction commits."""
    jobs.enqueue(jobs.SEND_MAIL, kind=kind, about=about)


def send(kind: str, about: UUID) -> None:
    """Compose and send a letter; raises Unavailable where the mail server is away, MailRefused for good.

    Nothing is sent where there is nothing to say any more.
    """
    letter = KINDS[kind](about)
    if letter is not None:
        deliver(letter)


def deliver(letter: Letter) -> None:
    """Hand a letter over; raises Unavailable where the mail server is away, MailRefused for good."""
    try:
        open_mailer(bus.settings).send(letter)
    except MailAway as error:
        raise Unavailable(f"Mail cannot be sent: {error}", retry_after_s=5) from error
