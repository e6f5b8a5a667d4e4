"""The double-entry ledger: accounts, transactions, and the entries that never change."""

import peewee
from playhouse.postgres_ext import DateTimeTZField

from db.models.base import Model, TimedModel, now
from db.models.users import User


class LedgerAccount(TimedModel):
    kind = peewee.TextField()
    owner = peewee.ForeignKeyField(User, null=True, on_delete="RESTRICT")
    currency = peewee.TextField()
    balance = peewee.BigIntegerField(null=True)
    frozen_at = DateTimeTZField(null=True)

    class Meta:
        table_name = "accounts_ledger"


class LedgerTransaction(Model):
    kind = peewee.TextField()
    currency = peewee.TextField()
    reference = peewee.UUIDField()
    idempotency_key = peewee.TextField()
    provider = peewee.TextField(null=True)
    payment = peewee.TextField(null=True)
    purpose = peewee.TextField(null=True)
    created_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "ledger_transactions"


class LedgerEntry(Model):
    transaction = peewee.ForeignKeyField(LedgerTransaction, on_delete="RESTRICT")
    account = peewee.ForeignKeyField(LedgerAccount, on_delete="RESTRICT")
    currency = peewee.TextField()
    amount = peewee.BigIntegerField()
    created_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "ledger_entries"
