"""Who follows and who blocks whom."""

import peewee
from playhouse.postgres_ext import DateTimeTZField

from db.models.base import Row, now
from db.models.users import User


class Follow(Row):
    follower = peewee.ForeignKeyField(User, on_delete="CASCADE")
    following = peewee.ForeignKeyField(User, on_delete="CASCADE")
    created_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "follows"
        primary_key = peewee.CompositeKey("follower", "following")


class Block(Row):
    blocker = peewee.ForeignKeyField(User, on_delete="CASCADE")
    blocked = peewee.ForeignKeyField(User, on_delete="CASCADE")
    created_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "blocks"
        primary_key = peewee.CompositeKey("blocker", "blocked")
