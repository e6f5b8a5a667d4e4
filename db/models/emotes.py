"""Pictures that a streamer's subscribers write with."""

from uuid import UUID

import peewee
from playhouse.postgres_ext import BinaryJSONField, DateTimeTZField

from db.models.base import Model, now
from db.models.users import User


class Emote(Model):
    streamer_id: UUID
    streamer = peewee.ForeignKeyField(User, on_delete="CASCADE")
    code = peewee.TextField()
    tier = peewee.TextField()
    images = BinaryJSONField(index=False)
    created_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "emotes"
