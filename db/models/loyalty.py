"""Points that viewers earned with streamers, and the ladders that they climb."""

import peewee
from playhouse.postgres_ext import DateTimeTZField

from db.models.base import Row, TimedModel, now
from db.models.users import User


class LoyaltyPoints(Row):
    viewer = peewee.ForeignKeyField(User, on_delete="CASCADE")
    streamer = peewee.ForeignKeyField(User, on_delete="CASCADE")
    points = peewee.BigIntegerField()
    updated_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "loyalty_points"
        primary_key = peewee.CompositeKey("viewer", "streamer")


class LoyaltyLevel(TimedModel):
    streamer = peewee.ForeignKeyField(User, on_delete="CASCADE")
    name = peewee.TextField()
    required_points = peewee.IntegerField()
    reward = peewee.TextField(default="")

    class Meta:
        table_name = "loyalty_levels"
