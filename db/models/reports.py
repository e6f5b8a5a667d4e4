"""What somebody found wrong, and what came of it."""

from uuid import UUID

import peewee
from playhouse.postgres_ext import DateTimeTZField

from db.models.base import Model, now
from db.models.rooms import Room
from db.models.users import User


class Report(Model):
    """`excerpt` keeps the words as they were when they were reported."""

    subject_id: UUID | None
    room_id: UUID | None
    reporter = peewee.ForeignKeyField(User, null=True, on_delete="SET NULL")
    kind = peewee.TextField()
    target_id = peewee.UUIDField()
    subject = peewee.ForeignKeyField(User, null=True, on_delete="SET NULL")
    room = peewee.ForeignKeyField(Room, null=True, on_delete="SET NULL")
    excerpt = peewee.TextField(default="")
    reason = peewee.TextField()
    status = peewee.TextField(default="OPEN")
    outcome = peewee.TextField(default="")
    resolved_by = peewee.ForeignKeyField(User, null=True, on_delete="SET NULL")
    resolved_at = DateTimeTZField(null=True)
    created_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "reports"
