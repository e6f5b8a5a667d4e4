"""Rooms that stand by themselves, and who was asked into them."""

from uuid import UUID

import peewee
from playhouse.postgres_ext import DateTimeTZField

from db.models.base import Row, TimedModel, now
from db.models.rooms import Room
from db.models.users import User


class Lounge(TimedModel):
    room_id: UUID
    room = peewee.ForeignKeyField(Room, on_delete="RESTRICT")
    name = peewee.TextField()
    description = peewee.TextField(default="")
    visibility = peewee.TextField(default="PUBLIC")
    archived_at = DateTimeTZField(null=True)

    class Meta:
        table_name = "lounges"


class LoungeMember(Row):
    lounge = peewee.ForeignKeyField(Lounge, on_delete="CASCADE")
    user = peewee.ForeignKeyField(User, on_delete="CASCADE")
    by = peewee.ForeignKeyField(User, null=True, on_delete="SET NULL")
    created_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "lounge_members"
        primary_key = peewee.CompositeKey("lounge", "user")
