"""Another password: with the old one, or with a code from one's mail. Other sessions end."""

from uuid import UUID

from peewee import fn

from db.connection import acting_as_system
from db.models.users import Account
from db.transactions import atomic
from services import clock, lockout, mail, one_time_codes, passwords, sessions
from services.actors import Actor
from services.email_addresses import normal_email
from services.errors import Invalid
from services.one_time_codes import Purpose


def change_password(actor: Actor, current: str, new: str) -> int:
    """Change the actor's password; returns how many other sessions that ended.

    Raises Invalid for a wrong current password or an unfit new one, RateLimited after five wrong.
    """
    allowance = lockout.of_owner(actor.user_id)
    allowance.check()
    new_hash = passwords.hash_password(new, "newPassword")
    known_hash = Account.select(Account.password_hash).where(Account.id == actor.user_id).get().password_hash
    if not passwords.matches(current, known_hash):
        allowance.fail()
        raise Invalid.field("currentPassword", "is wrong", "wrong_password")
    allowance.forgive()
    with atomic():
        return _set(actor.user_id, new_hash, keep=actor.session_id)


def reset_password(email: str, code: str, new: str) -> None:
    """Set the password of whoever reads the address's mail, and end every session.

    Raises Invalid for a code that is not good, or an unfit password (the code then stays good).
    """
    new_hash = passwords.hash_password(new)
    with acting_as_system("a code proves the address"), atomic():
        is_good = one_time_codes.spend(email, Purpose.FORGET_PASSWORD, code)
        user = (
            Account.select(Account.id).where(fn.lower(Account.email) == normal_email(email)).first()
            if is_good
            else None
        )
        if user is not None:
            _set(user.id, new_hash)
            Account.update(email_verified_at=fn.coalesce(Account.email_verified_at, clock.now())).where(
                Account.id == user.id
            ).execute()
    if user is None:
        raise one_time_codes.refused()
    lockout.of_strangers(user.id).forgive()


def _set(user_id: UUID, password_hash: str, keep: UUID | None = None) -> int:
    Account.update(password_hash=password_hash).where(Account.id == user_id).execute()
    ended = sessions.revoke_others(user_id, keep)
    mail.ask("password_changed", user_id)
    return ended
