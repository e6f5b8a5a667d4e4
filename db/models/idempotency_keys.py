"""Answers kept for requests that must be done only once."""

import peewee
from playhouse.postgres_ext import BinaryJSONField, DateTimeTZField

from db.models.base import Row, now
from db.models.users import User


class IdempotencyKey(Row):
    user = peewee.ForeignKeyField(User, on_delete="CASCADE")
    key = peewee.TextField()
    fingerprint = peewee.BlobField()
    status = peewee.IntegerField(null=True)
    headers = BinaryJSONField(null=True, index=False)
    body = peewee.BlobField(null=True)
    created_at = DateTimeTZField(default=now)
    effect_at = DateTimeTZField(null=True)

    class Meta:
        table_name = "idempotency_keys"
        primary_key = peewee.CompositeKey("user", "key")
