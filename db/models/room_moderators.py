"""Whom the owner of a room trusts to keep order in it."""

import peewee
from playhouse.postgres_ext import DateTimeTZField

from db.models.base import Row, now
from db.models.rooms import Room
from db.models.users import User


class RoomModerator(Row):
    room = peewee.ForeignKeyField(Room, on_delete="CASCADE")
    user = peewee.ForeignKeyField(User, on_delete="CASCADE")
    by = peewee.ForeignKeyField(User, null=True, on_delete="SET NULL")
    created_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "room_moderators"
        primary_key = peewee.CompositeKey("room", "user")
