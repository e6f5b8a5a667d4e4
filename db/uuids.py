"""Ids as they come from PostgreSQL: a list of fifty streams holds 150, and half its time went into making them."""

from typing import Any
from uuid import UUID

import msgspec
import psycopg2.extensions
import psycopg2.extras

UUID_OID, UUID_ARRAY_OID = 2950, 2951  # pg_type.dat


def read_uuids() -> None:
    """Have psycopg2 read and write `uuid` as UUID, and read it quickly."""
    psycopg2.extras.register_uuid()
    one = psycopg2.extensions.new_type((UUID_OID,), "UUID", _read)
    many = psycopg2.extensions.new_array_type((UUID_ARRAY_OID,), "UUID[]", one)
    psycopg2.extensions.register_type(one)
    psycopg2.extensions.register_type(many)


def _read(text: str | bytes | None, _cursor: Any) -> UUID | None:
    """The id that PostgreSQL spelled; msgspec makes it at a quarter of what UUID() takes."""
    return None if text is None else msgspec.convert(text, UUID)
