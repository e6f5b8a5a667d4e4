"""Jobs and events that a commit has promised: events until they are sent, jobs until they are done."""

import peewee
from playhouse.postgres_ext import BinaryJSONField, DateTimeTZField

from db.models.base import Model, now


class OutboxRow(Model):
    kind = peewee.TextField()
    name = peewee.TextField()
    payload = BinaryJSONField(index=False)
    request_id = peewee.TextField(default="")
    attempts = peewee.IntegerField(default=0)
    created_at = DateTimeTZField(default=now)
    sent_at = DateTimeTZField(null=True)

    class Meta:
        table_name = "outbox"


class DeadLetter(Model):
    job = peewee.TextField()
    payload = BinaryJSONField(index=False)
    error = peewee.TextField()
    attempts = peewee.IntegerField()
    request_id = peewee.TextField(default="")
    created_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "dead_letters"
