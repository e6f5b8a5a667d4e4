"""Breakout rooms: named places inside an event, one of which may be the main stage."""

from uuid import UUID

import peewee

from db.models.base import TimedModel
from db.models.live_events import LiveEvent


class BreakoutRoom(TimedModel):
    event_id: UUID
    event = peewee.ForeignKeyField(LiveEvent, on_delete="CASCADE")
    room_id = peewee.UUIDField()
    name = peewee.TextField()
    speaker = peewee.TextField(default="")
    topic = peewee.TextField(default="")
    thumbnail = peewee.TextField(null=True)
    is_main_stage = peewee.BooleanField(default=False)

    class Meta:
        table_name = "breakout_rooms"
