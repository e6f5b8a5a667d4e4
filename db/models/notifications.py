"""What a person has been told."""

import peewee
from playhouse.postgres_ext import BinaryJSONField, DateTimeTZField

from db.models.base import Model, now
from db.models.users import User


class NotificationRow(Model):
    user = peewee.ForeignKeyField(User, on_delete="CASCADE")
    kind = peewee.TextField()
    title = peewee.TextField()
    body = peewee.TextField(default="")
    data = BinaryJSONField(default=dict, index=False)
    cause_id = peewee.UUIDField(null=True)
    read_at = DateTimeTZField(null=True)
    created_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "notifications"
