"""A standing place to broadcast from, a streamer's or an event's: key, default metadata, chat room."""

from uuid import UUID

import peewee
from playhouse.postgres_ext import ArrayField

from db.models.base import TimedModel
from db.models.categories import Category
from db.models.live_events import LiveEvent
from db.models.users import User


class Channel(TimedModel):
    user_id: UUID | None
    user = peewee.ForeignKeyField(User, null=True, on_delete="CASCADE")
    event_id: UUID | None
    event = peewee.ForeignKeyField(LiveEvent, null=True, on_delete="CASCADE")
    room_id = peewee.UUIDField()
    stream_key_version = peewee.IntegerField(default=1)
    stream_key_hash = peewee.BlobField()
    default_title = peewee.TextField(default="")
    default_description = peewee.TextField(default="")
    default_category_id: UUID | None
    default_category = peewee.ForeignKeyField(Category, null=True, on_delete="SET NULL")
    default_tags = ArrayField(peewee.TextField, default=list, index=False)
    default_language = peewee.TextField(default="en")
    default_visibility = peewee.TextField(default="PUBLIC")

    class Meta:
        table_name = "channels"
