"""What providers told us, as they signed it, and how far we came with it."""

import peewee
from playhouse.postgres_ext import DateTimeTZField

from db.models.base import Model, now


class WebhookEvent(Model):
    provider = peewee.TextField()
    event_id = peewee.TextField()
    kind = peewee.TextField()
    payload = peewee.TextField()
    state = peewee.TextField(default="RECEIVED")
    attempts = peewee.IntegerField(default=0)
    next_attempt_at = DateTimeTZField()
    error = peewee.TextField(default="")
    request_id = peewee.TextField(default="")
    received_at = DateTimeTZField(default=now)
    processed_at = DateTimeTZField(null=True)

    class Meta:
        table_name = "webhook_events"
