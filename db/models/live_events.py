"""Organised live events."""

from uuid import UUID

import peewee
from playhouse.postgres_ext import DateTimeTZField

from db.models.base import TimedModel
from db.models.projects import Project


class LiveEvent(TimedModel):
    project_id: UUID
    project = peewee.ForeignKeyField(Project, on_delete="CASCADE")
    title = peewee.TextField()
    description = peewee.TextField(default="")
    slug = peewee.TextField()
    status = peewee.TextField(default="DRAFT")
    start_time = DateTimeTZField()
    end_time = DateTimeTZField()
    live_at = DateTimeTZField(null=True)
    ended_at = DateTimeTZField(null=True)

    class Meta:
        table_name = "events"
