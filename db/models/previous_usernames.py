"""Usernames that people gave up."""

import peewee
from playhouse.postgres_ext import DateTimeTZField

from db.models.base import Model, now
from db.models.users import User


class PreviousUsername(Model):
    user = peewee.ForeignKeyField(User, on_delete="CASCADE")
    username = peewee.TextField()
    given_up_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "previous_usernames"
