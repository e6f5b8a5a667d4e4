"""Who may not speak, where, and until when."""

from uuid import UUID

import peewee
from playhouse.postgres_ext import DateTimeTZField

from db.models.base import Model, now
from db.models.rooms import Room
from db.models.users import User


class Ban(Model):
    """Without a room it holds everywhere; without `until`, for good."""

    room_id: UUID | None
    user_id: UUID
    room = peewee.ForeignKeyField(Room, null=True, on_delete="CASCADE")
    user = peewee.ForeignKeyField(User, on_delete="CASCADE")
    by = peewee.ForeignKeyField(User, null=True, on_delete="SET NULL")
    reason = peewee.TextField(default="")
    until = DateTimeTZField(null=True)
    lifted_at = DateTimeTZField(null=True)
    created_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "bans"
