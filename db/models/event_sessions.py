"""Sessions: what happens in an event, one after the other or side by side."""

from uuid import UUID

import peewee
from playhouse.postgres_ext import DateTimeTZField

from db.models.base import TimedModel
from db.models.live_events import LiveEvent


class EventSession(TimedModel):
    event_id: UUID
    event = peewee.ForeignKeyField(LiveEvent, on_delete="CASCADE")
    room_id = peewee.UUIDField()
    title = peewee.TextField()
    description = peewee.TextField(default="")
    speaker = peewee.TextField(default="")
    start_time = DateTimeTZField()
    end_time = DateTimeTZField()
    reviews_questions = peewee.BooleanField(default=False)

    class Meta:
        table_name = "event_sessions"
