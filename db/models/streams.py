"""Broadcasts, the encoder sessions behind them, and their recordings."""

from uuid import UUID

import peewee
from playhouse.postgres_ext import ArrayField, DateTimeTZField

from db.models.base import Model, TimedModel, now
from db.models.categories import Category
from db.models.channels import Channel
from db.models.live_events import LiveEvent


class Stream(TimedModel):
    channel_id: UUID | None
    channel = peewee.ForeignKeyField(Channel, null=True, on_delete="CASCADE")
    event_id: UUID | None
    event = peewee.ForeignKeyField(LiveEvent, null=True, on_delete="CASCADE")
    title = peewee.TextField()
    description = peewee.TextField(default="")
    thumbnail = peewee.TextField(null=True)
    source_type = peewee.TextField(default="RTMP")
    source_url = peewee.TextField(null=True)
    media_server = peewee.TextField(null=True)
    media_name = peewee.TextField(null=True)
    status = peewee.TextField()
    visibility = peewee.TextField(default="PUBLIC")
    language = peewee.TextField(default="en")
    category_id: UUID | None
    category = peewee.ForeignKeyField(Category, null=True, on_delete="SET NULL")
    tags = ArrayField(peewee.TextField, default=list, index=False)
    viewer_count = peewee.IntegerField(default=0)
    peak_viewers = peewee.IntegerField(default=0)
    scheduled_for = DateTimeTZField(null=True)
    started_at = DateTimeTZField(null=True)
    interrupted_at = DateTimeTZField(null=True)
    ended_at = DateTimeTZField(null=True)
    end_reason = peewee.TextField(null=True)

    class Meta:
        table_name = "streams"


class IngestSession(Model):
    stream_id: UUID
    stream = peewee.ForeignKeyField(Stream, on_delete="CASCADE")
    server = peewee.TextField()
    remote_address = peewee.TextField(default="")
    relay_url = peewee.TextField(null=True)
    video_codec = peewee.TextField(null=True)
    audio_codec = peewee.TextField(null=True)
    width = peewee.IntegerField(null=True)
    height = peewee.IntegerField(null=True)
    bitrate_kbps = peewee.IntegerField(null=True)
    started_at = DateTimeTZField(default=now)
    ended_at = DateTimeTZField(null=True)

    class Meta:
        table_name = "ingest_sessions"


class Recording(TimedModel):
    stream_id: UUID
    stream = peewee.ForeignKeyField(Stream, on_delete="CASCADE")
    status = peewee.TextField(default="PROCESSING")
    hls = peewee.TextField(null=True)
    mp4 = peewee.TextField(null=True)
    preview = peewee.TextField(null=True)
    duration_s = peewee.DoubleField(null=True)
    bytes = peewee.BigIntegerField(null=True)
    error = peewee.TextField(null=True)

    class Meta:
        table_name = "recordings"
