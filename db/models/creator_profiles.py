"""What creators say about themselves on their page."""

import peewee
from playhouse.postgres_ext import ArrayField, BinaryJSONField, DateTimeTZField

from db.models.base import Row, now
from db.models.users import User


class CreatorProfile(Row):
    user = peewee.ForeignKeyField(User, primary_key=True, on_delete="CASCADE")
    bio = peewee.TextField(default="")
    categories = ArrayField(peewee.TextField, default=list, index=False)
    links = BinaryJSONField(default=list, index=False)
    created_at = DateTimeTZField(default=now)
    updated_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "creator_profiles"
