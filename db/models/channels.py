"""A standing place to broadcast from, a streamer's or an event's: default metadata, chat room, key."""

from uuid import UUID

import peewee
from playhouse.postgres_ext import ArrayField

from db.models.base import Model, TimedModel
from db.models.categories import Category
from db.models.live_events import LiveEvent
from db.models.users import User


class Channel(TimedModel):
    user_id: UUID | None
    user = peewee.ForeignKeyField(User, null=True, on_delete="CASCADE")
    event_id: UUID | None
    event = peewee.ForeignKeyField(LiveEvent, null=True, on_delete="CASCADE")
    room_id = peewee.UUIDField()
    default_title = peewee.TextField(default="")
    default_description = peewee.TextField(default="")
    default_category_id: UUID | None
    default_category = peewee.ForeignKeyField(Category, null=True, on_delete="SET NULL")
    default_tags = ArrayField(peewee.TextField, default=list, index=False)
    default_language = peewee.TextField(default="en")
    default_visibility = peewee.TextField(default="PUBLIC")

    class Meta:
        table_name = "channels"


class ChannelKey(Model):
    """What a channel's key is made of, through a view that shows a streamer their own and the platform every one."""

    user_id: UUID | None
    user = peewee.ForeignKeyField(User, null=True, on_delete="CASCADE")
    event_id: UUID | None
    event = peewee.ForeignKeyField(LiveEvent, null=True, on_delete="CASCADE")
    stream_key_version = peewee.IntegerField(default=1)
    stream_key_hash = peewee.BlobField()

    class Meta:
        table_name = "channel_keys"
