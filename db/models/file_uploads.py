"""Files that people handed in, until and after a worker has made something of them."""

from uuid import UUID

import peewee
from playhouse.postgres_ext import BinaryJSONField

from db.models.base import TimedModel
from db.models.users import User


class FileUpload(TimedModel):
    owner_id: UUID
    owner = peewee.ForeignKeyField(User, on_delete="CASCADE")
    kind = peewee.TextField()
    storage_key = peewee.TextField()
    content_type = peewee.TextField()
    bytes = peewee.BigIntegerField()
    sha256 = peewee.BlobField()
    status = peewee.TextField(default="PROCESSING")
    error = peewee.TextField(default="")
    results = BinaryJSONField(default=dict, index=False)

    class Meta:
        table_name = "file_uploads"
