"""Identifiers: UUIDv7, and what to do with one that is none."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from db.models.base import new_id
from services.errors import NotFound

__all__ = ["first_id_of", "id_array", "known_id", "new_id"]

#: How far the clocks of two processes may be apart.
_SKEW_MS = 60_000


def known_id(text: str, thing: str) -> UUID:
    """The id in `text`; raises NotFound("No such <thing>") where it cannot be one."""
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFound(f"No such {thing}.") from error


def first_id_of(at: datetime) -> UUID:
    """An id below every one that was made at `at` or later: a UUIDv7 begins with its time in milliseconds.

    A minute is allowed for clocks that are not in step.
    """
    return UUID(int=max(0, int(at.timestamp() * 1000) - _SKEW_MS) << 80)


def id_array(ids: Iterable[UUID | None]) -> str:
    """An array as PostgreSQL reads it, a `uuid[]` parameter: adapting hundreds of ids one by one is dear."""
    return "{" + ",".join("NULL" if found is None else found.hex for found in ids) + "}"
