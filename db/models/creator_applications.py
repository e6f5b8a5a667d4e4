"""Wishes to become a creator, and what was decided."""

from uuid import UUID

import peewee
from playhouse.postgres_ext import ArrayField, DateTimeTZField

from db.models.base import TimedModel
from db.models.users import User


class CreatorApplication(TimedModel):
    user_id: UUID
    user = peewee.ForeignKeyField(User, on_delete="CASCADE")
    status = peewee.TextField()
    bio = peewee.TextField(default="")
    categories = ArrayField(peewee.TextField, default=list, index=False)
    decided_by_id = peewee.UUIDField(null=True)
    reason = peewee.TextField(default="")
    decided_at = DateTimeTZField(null=True)

    class Meta:
        table_name = "creator_applications"
