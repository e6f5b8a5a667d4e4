"""Polls and their options; votes are cast by the function `cast_vote` alone."""

from uuid import UUID

import peewee

from db.models.base import Model, TimedModel
from db.models.event_sessions import EventSession


class Poll(TimedModel):
    session_id: UUID
    session = peewee.ForeignKeyField(EventSession, on_delete="CASCADE")
    question = peewee.TextField()
    status = peewee.TextField()
    is_multiple = peewee.BooleanField(default=False)
    hides_results = peewee.BooleanField(default=False)

    class Meta:
        table_name = "polls"


class PollOption(Model):
    poll_id: UUID
    poll = peewee.ForeignKeyField(Poll, on_delete="CASCADE")
    position = peewee.SmallIntegerField()
    text = peewee.TextField()

    class Meta:
        table_name = "poll_options"
