"""Usernames: their form, one made up from an address, and who may take which."""

import re
from datetime import timedelta
from uuid import UUID

from db.connection import acting_as_system, query
from db.models.previous_usernames import PreviousUsername
from db.models.users import User
from services import clock, throttle, tokens
from services.errors import Conflict, Invalid, RateLimited

SHORTEST, LONGEST = 3, 30
FORM = re.compile(r"[a-z0-9_]{3,30}")
#: A name that was given up stays its former holder's for a while, so that nobody poses as them.
HELD_FOR = timedelta(days=30)
MOST_CHANGES = "5/day"


def checked(username: str) -> str:
    """The username; raises Invalid for one that cannot be."""
    if not FORM.fullmatch(username):
        raise Invalid.field("username", "must be 3 to 30 of a-z, 0-9 and _")
    return username


def made_from(email: str) -> str:
    """A username out of the local part of an address."""
    local = re.sub(r"[^a-z0-9_]+", "_", email.partition("@")[0].lower()).strip("_")
    return local[:LONGEST] if len(local) >= SHORTEST else f"user_{local}"


def variation(username: str) -> str:
    """The username with something at its end that makes it another."""
    return f"{username[:24]}_{tokens.new_secret(6).lower().replace('-', '0')[:5]}"


@acting_as_system("names that others gave up")
def is_held(username: str, by_other_than: UUID | None = None) -> bool:
    """Whether somebody else gave this username up a short while ago."""
    rows = query(
        """SELECT 1 FROM previous_usernames
           WHERE lower(username) = lower(%s) AND given_up_at > %s AND user_id IS DISTINCT FROM %s LIMIT 1""",
        (username, clock.now() - HELD_FOR, by_other_than),
    )
    return bool(rows)


def taken() -> Conflict:
    """What is said of a username that somebody has, or holds."""
    return Conflict("This username is taken.", "username_taken")


def rename(user_id: UUID, username: str) -> None:
    """Give a person another username, in the caller's transaction, and note the old one.

    Raises Conflict for one that is held, RateLimited past five changes a day; who has it already,
    the database says.
    """
    old = User.select(User.username).where(User.id == user_id).for_update().get().username
    if old == checked(username):
        return
    if is_held(username, user_id):
        raise taken()
    _count_change(user_id)
    PreviousUsername.create(user=user_id, username=old, given_up_at=clock.now())
    User.update(username=username).where(User.id == user_id).execute()


def _count_change(user_id: UUID) -> None:
    verdict = throttle.hit(MOST_CHANGES, "rename", str(user_id))
    if not verdict.allowed:
        raise RateLimited(
            "The username was changed too often today.", "renamed_too_often", retry_after_s=max(1, verdict.reset_s)
        )
