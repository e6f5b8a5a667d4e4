"""Telling a PostgreSQL whose disk is full, which refuses what needs room, from one that is away."""

import peewee

#: https://www.postgresql.org/docs/current/errcodes-appendix.html: disk_full
DISK_FULL = "53100"


def is_disk_full(error: Exception) -> bool:
    """Whether a statement was refused for want of room on the server's disk."""
    if not isinstance(error, peewee.OperationalError):
        return False
    cause = getattr(error, "orig", None) or error.__cause__ or (error.args[0] if error.args else None)
    return getattr(cause, "pgcode", None) == DISK_FULL
