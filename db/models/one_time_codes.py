"""Codes sent by mail, hashed; at most one live for each address and purpose."""

import peewee
from playhouse.postgres_ext import DateTimeTZField

from db.models.base import Model, now


class OneTimeCode(Model):
    email = peewee.TextField()
    purpose = peewee.TextField()
    code_hash = peewee.BlobField()
    attempts = peewee.SmallIntegerField(default=0)
    expires_at = DateTimeTZField()
    used_at = DateTimeTZField(null=True)
    created_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "one_time_codes"
