"""What every table shares: a UUIDv7 key made by the application, and times with a zone."""

from datetime import UTC, datetime
from uuid import UUID

import peewee
import uuid_utils.compat
from playhouse.postgres_ext import DateTimeTZField

from db.connection import database


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562), so that keys sort by the time at which they were made."""
    return uuid_utils.compat.uuid7()


def now() -> datetime:
    return datetime.now(UTC)


class Row(peewee.Model):
    """A row of our database; a table with a key of its own kind builds on this."""

    class Meta:
        database = database
        legacy_table_names = False


class Model(Row):
    """A row keyed by `id`."""

    id = peewee.UUIDField(primary_key=True, default=new_id)


class TimedModel(Model):
    """A row that says when it was made and, by a trigger, when it last changed."""

    created_at = DateTimeTZField(default=now)
    updated_at = DateTimeTZField(default=now)
