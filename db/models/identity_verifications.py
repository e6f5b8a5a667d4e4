"""Papers by which creators prove who they are: where they lie is encrypted."""

import peewee
from playhouse.postgres_ext import DateTimeTZField

from db.models.base import TimedModel
from db.models.users import User


class IdentityVerification(TimedModel):
    user = peewee.ForeignKeyField(User, on_delete="CASCADE")
    status = peewee.TextField(default="PENDING")
    document_count = peewee.SmallIntegerField()
    ciphertext = peewee.BlobField()
    key_id = peewee.TextField()
    decided_by_id = peewee.UUIDField(null=True)
    decided_at = DateTimeTZField(null=True)

    class Meta:
        table_name = "identity_verifications"
