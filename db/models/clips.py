"""Moments that people cut out of a stream."""

from uuid import UUID

import peewee
from playhouse.postgres_ext import DateTimeTZField

from db.models.base import TimedModel
from db.models.streams import Stream
from db.models.users import User


class Clip(TimedModel):
    stream_id: UUID
    stream = peewee.ForeignKeyField(Stream, on_delete="CASCADE")
    creator_id: UUID | None
    creator = peewee.ForeignKeyField(User, null=True, on_delete="SET NULL")
    title = peewee.TextField()
    status = peewee.TextField(default="PROCESSING")
    starts_at = DateTimeTZField()
    ends_at = DateTimeTZField()
    video = peewee.TextField(null=True)
    thumbnail = peewee.TextField(null=True)
    duration_s = peewee.DoubleField(null=True)
    bytes = peewee.BigIntegerField(null=True)
    error = peewee.TextField(null=True)

    class Meta:
        table_name = "clips"
