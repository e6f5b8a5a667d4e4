"""Ids as they come from PostgreSQL: a list of fifty streams holds 150, and half its time went into making them."""

from typing import Any
from uuid import UUID, SafeUUID

import psycopg2.extensions
import psycopg2.extras

UUID_OID, UUID_ARRAY_OID = 2950, 2951  # pg_type.dat

_set = object.__setattr__  # a UUID refuses to be changed, also by whoever makes one


def read_uuids() -> None:
    """Have psycopg2 read and write `uuid` as UUID, and read it quickly."""
    psycopg2.extras.register_uuid()
    one = psycopg2.extensions.new_type((UUID_OID,), "UUID", _read)
    many = psycopg2.extensions.new_array_type((UUID_ARRAY_OID,), "UUID[]", one)
    psycopg2.extensions.register_type(one)
    psycopg2.extensions.register_type(many)


def _read(text: str | bytes | None, _cursor: Any) -> UUID | None:
    """The id that PostgreSQL spelled, whose form need not be checked as UUID() would."""
    if not isinstance(text, str):
        return None
    made = UUID.__new__(UUID)
    _set(made, "int", int(text.replace("-", ""), 16))
    _set(made, "is_safe", SafeUUID.unknown)
    return made
