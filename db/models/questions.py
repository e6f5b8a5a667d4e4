"""Questions of an audience; upvotes are counted by the function `increment_upvotes` alone."""

from uuid import UUID

import peewee

from db.models.base import TimedModel
from db.models.event_sessions import EventSession
from db.models.users import User


class Question(TimedModel):
    session_id: UUID
    session = peewee.ForeignKeyField(EventSession, on_delete="CASCADE")
    author_id: UUID | None
    author = peewee.ForeignKeyField(User, null=True, on_delete="SET NULL")
    text = peewee.TextField()
    upvotes = peewee.IntegerField(default=0)
    is_approved = peewee.BooleanField(default=True)
    is_answered = peewee.BooleanField(default=False)
    is_hidden = peewee.BooleanField(default=False)
    is_pinned = peewee.BooleanField(default=False)

    class Meta:
        table_name = "questions"
