"""Identifiers: UUIDv7, and what to do with one that is none."""

from uuid import UUID

from db.models.base import new_id
from services.errors import NotFound

__all__ = ["known_id", "new_id"]


def known_id(text: str, thing: str) -> UUID:
    """The id in `text`; raises NotFound("No such <thing>") where it cannot be one."""
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFound(f"No such {thing}.") from error
