"""What was said in a room; rows are made by the function `post_messages` alone."""

from uuid import UUID

import peewee
from playhouse.postgres_ext import DateTimeTZField

from db.models.base import Model, now
from db.models.rooms import Room
from db.models.users import User


class Message(Model):
    room_id: UUID
    author_id: UUID | None
    room = peewee.ForeignKeyField(Room, on_delete="CASCADE")
    seq = peewee.BigIntegerField()
    author = peewee.ForeignKeyField(User, null=True, on_delete="SET NULL")
    text = peewee.TextField()
    reply_to = peewee.ForeignKeyField("self", null=True, on_delete="SET NULL")
    client_message_id = peewee.TextField(null=True)
    is_pinned = peewee.BooleanField(default=False)
    is_deleted = peewee.BooleanField(default=False)
    edited_at = DateTimeTZField(null=True)
    created_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "messages"
