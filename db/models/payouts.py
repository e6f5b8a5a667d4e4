"""Earnings that streamers asked to be paid."""

from uuid import UUID

import peewee
from playhouse.postgres_ext import DateTimeTZField

from db.models.base import TimedModel
from db.models.ledger import LedgerTransaction
from db.models.users import User


class Payout(TimedModel):
    user_id: UUID
    user = peewee.ForeignKeyField(User, on_delete="RESTRICT")
    amount = peewee.BigIntegerField()
    currency = peewee.TextField()
    status = peewee.TextField(default="pending")
    account_last4 = peewee.TextField()
    held_transaction_id: UUID
    held_transaction = peewee.ForeignKeyField(LedgerTransaction, on_delete="RESTRICT")
    final_transaction_id: UUID | None
    final_transaction = peewee.ForeignKeyField(LedgerTransaction, null=True, on_delete="RESTRICT")
    bank_reference = peewee.TextField(default="")
    reason = peewee.TextField(default="")
    decided_by_id: UUID | None
    decided_by = peewee.ForeignKeyField(User, null=True, on_delete="SET NULL")
    decided_at = DateTimeTZField(null=True)

    class Meta:
        table_name = "payouts"
