"""Who did what to whom; rows are added, and never change: the database refuses it."""

import peewee
from playhouse.postgres_ext import BinaryJSONField, DateTimeTZField

from db.models.base import Model, now


class ModerationEntry(Model):
    """Refers to nothing by key, so that it outlives what it tells of."""

    actor_id = peewee.UUIDField()
    action = peewee.TextField()
    room_id = peewee.UUIDField(null=True)
    target_user_id = peewee.UUIDField(null=True)
    target_id = peewee.UUIDField(null=True)
    reason = peewee.TextField(default="")
    details = BinaryJSONField(default=dict, index=False)
    created_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "moderation_log"
