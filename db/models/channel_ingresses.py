"""A channel's door at LiveKit."""

from uuid import UUID

import peewee
from playhouse.postgres_ext import DateTimeTZField

from db.models.base import Row, now
from db.models.channels import Channel


class ChannelIngress(Row):
    channel_id: UUID
    channel = peewee.ForeignKeyField(Channel, primary_key=True, on_delete="CASCADE")
    kind = peewee.TextField()
    ingress_id = peewee.TextField()
    created_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "channel_ingresses"
