"""What letters say. Each is composed from the id of what it is about, or not at all any more."""

from uuid import UUID

from peewee import fn

from db.models.users import Account
from services import clock, one_time_codes
from services.bus import bus
from services.gateways.mail import Letter
from services.one_time_codes import LIFETIME, Purpose

_ASKED_FOR = {
    Purpose.SIGN_IN: ("Your sign-in code", "sign in to AstroTV"),
    Purpose.EMAIL_VERIFICATION: ("Confirm your e-mail address", "confirm this address"),
    Purpose.FORGET_PASSWORD: ("Your password-reset code", "choose a new password"),
}


def one_time_code(code_id: UUID) -> Letter | None:
    """The letter with a code; None where the code has died, or nobody has an account with the address."""
    live = one_time_codes.live_code(code_id)
    if live is None:
        return None
    user = Account.select(Account.name).where(fn.lower(Account.email) == live.email).first()
    if user is None:
        return None
    subject, purpose = _ASKED_FOR[live.purpose]
    minutes = int(LIFETIME.total_seconds()) // 60
    text = (
        f"Hello {user.name},\n\nthis code lets you {purpose}:\n\n    {live.code}\n\n"
        f"It can be used once, within {minutes} minutes. If you did not ask for it, do nothing:\n"
        f"without the code nobody gets in. We never ask for it by mail or by telephone.\n"
    )
    return Letter(id=f"code-{code_id}", to=live.email, subject=subject, text=text)


def password_changed(user_id: UUID) -> Letter | None:
    """The letter that tells somebody that their password is another now."""
    user = Account.get_or_none(Account.id == user_id)
    if user is None:
        return None
    at = clock.now()
    text = (
        f"Hello {user.name},\n\nthe password of your account {user.username} was changed on {at:%d %B %Y at %H:%M} UTC,"
        f"\nand other devices were signed out.\n\nIf it was not you, ask for a reset code at once:\n"
        f"{bus.settings.frontend_url}\n"
    )
    return Letter(id=f"password-{user_id}-{at:%Y%m%dT%H%M}", to=user.email, subject="Your password changed", text=text)
