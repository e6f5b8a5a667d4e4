"""Passwords: checked for length, hashed with bcrypt, compared in the same time for anyone."""

import functools

import bcrypt

from services.bus import bus
from services.errors import Invalid

SHORTEST, LONGEST = 8, 72


def hash_password(password: str, field: str = "password") -> str:
    """The bcrypt hash of a password of 8 to 72 UTF-8 bytes; raises Invalid for any other.

    bcrypt reads 72 bytes; a longer password would be cut, so it is refused.
    """
    size = len(password.encode())
    if not SHORTEST <= size <= LONGEST:
        raise Invalid.field(field, f"must be {SHORTEST} to {LONGEST} bytes long in UTF-8")
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(bus.settings.bcrypt_rounds)).decode()


def matches(password: str, password_hash: str | None) -> bool:
    """Whether the password is the hashed one; as slow for None (no such account) as for a wrong one."""
    candidate = password.encode()
    too_long = len(candidate) > LONGEST
    nobodys = _nobodys_hash(bus.settings.bcrypt_rounds)  # made at the first try of a process, whoever it is for
    found = bcrypt.checkpw(candidate[:LONGEST], (password_hash or nobodys).encode())
    return found and not too_long and password_hash is not None


@functools.cache
def _nobodys_hash(rounds: int) -> str:
    return bcrypt.hashpw(b"nobody has this password", bcrypt.gensalt(rounds)).decode()
