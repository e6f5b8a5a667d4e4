"""Where people hear each other: a channel's chat, a session's, a lounge's."""

import peewee
from playhouse.postgres_ext import BinaryJSONField

from db.models.base import TimedModel
from db.models.users import User


class Room(TimedModel):
    kind = peewee.TextField()
    owner = peewee.ForeignKeyField(User, null=True, on_delete="SET NULL")
    settings = BinaryJSONField(default=dict, index=False)
    last_seq = peewee.BigIntegerField(default=0)

    class Meta:
        table_name = "rooms"
