"""What a person has been told, and what they want to be told of."""

import peewee
from playhouse.postgres_ext import BinaryJSONField, DateTimeTZField

from db.models.base import Model, Row, now
from db.models.users import User


class NotificationRow(Model):
    user = peewee.ForeignKeyField(User, on_delete="CASCADE")
    kind = peewee.TextField()
    title = peewee.TextField()
    body = peewee.TextField(default="")
    data = BinaryJSONField(default=dict, index=False)
    cause_id = peewee.UUIDField(null=True)
    in_app = peewee.BooleanField(default=True)
    wants_mail = peewee.BooleanField(default=False)
    mailed_at = DateTimeTZField(null=True)
    read_at = DateTimeTZField(null=True)
    created_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "notifications"


class NotificationPreference(Row):
    user = peewee.ForeignKeyField(User, on_delete="CASCADE")
    kind = peewee.TextField()
    in_app = peewee.BooleanField()
    push = peewee.BooleanField()
    mail = peewee.BooleanField()
    updated_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "notification_preferences"
        primary_key = peewee.CompositeKey("user", "kind")
