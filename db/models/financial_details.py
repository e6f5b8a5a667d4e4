"""Bank details of creators, encrypted but for the last four characters."""

import peewee

from db.models.base import TimedModel
from db.models.users import User


class FinancialDetails(TimedModel):
    user = peewee.ForeignKeyField(User, on_delete="CASCADE")
    ciphertext = peewee.BlobField()
    key_id = peewee.TextField()
    last4 = peewee.TextField()

    class Meta:
        table_name = "financial_details"
