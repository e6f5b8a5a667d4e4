"""Gifts on offer, and gifts given."""

from uuid import UUID

import peewee
from playhouse.postgres_ext import DateTimeTZField

from db.models.base import Model, TimedModel, now
from db.models.ledger import LedgerTransaction
from db.models.streams import Stream
from db.models.users import User


class Gift(TimedModel):
    streamer_id: UUID | None
    streamer = peewee.ForeignKeyField(User, null=True, on_delete="CASCADE")
    name = peewee.TextField()
    icon = peewee.TextField(default="")
    cost = peewee.IntegerField()
    points = peewee.IntegerField()
    is_active = peewee.BooleanField(default=True)

    class Meta:
        table_name = "gifts"


class GiftTransaction(Model):
    ledger_transaction = peewee.ForeignKeyField(LedgerTransaction, on_delete="RESTRICT")
    gift = peewee.ForeignKeyField(Gift, on_delete="RESTRICT")
    sender = peewee.ForeignKeyField(User, on_delete="RESTRICT")
    streamer = peewee.ForeignKeyField(User, on_delete="RESTRICT")
    stream = peewee.ForeignKeyField(Stream, null=True, on_delete="SET NULL")
    quantity = peewee.IntegerField()
    coins = peewee.IntegerField()
    points = peewee.IntegerField()
    message = peewee.TextField(default="")
    created_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "gift_transactions"
