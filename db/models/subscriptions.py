"""Who subscribes to whom, in which tier, until when; and every month that was paid."""

from uuid import UUID

import peewee
from playhouse.postgres_ext import ArrayField, DateTimeTZField

from db.models.base import TimedModel
from db.models.ledger import LedgerTransaction
from db.models.users import User


class Subscription(TimedModel):
    subscriber_id: UUID
    streamer_id: UUID
    subscriber = peewee.ForeignKeyField(User, on_delete="RESTRICT")
    streamer = peewee.ForeignKeyField(User, on_delete="RESTRICT")
    tier = peewee.TextField()
    payment_method = peewee.TextField()
    price = peewee.IntegerField()
    currency = peewee.TextField()
    status = peewee.TextField(default="pending")
    provider = peewee.TextField(null=True)
    provider_subscription = peewee.TextField(null=True)
    session = peewee.TextField(null=True)
    checkout_url = peewee.TextField(null=True)
    anchor_at = DateTimeTZField(null=True)
    periods = peewee.IntegerField(default=0)
    carried_s = peewee.IntegerField(default=0)
    started_at = DateTimeTZField(null=True)
    expires_at = DateTimeTZField(null=True)
    past_due_at = DateTimeTZField(null=True)
    warned_at = DateTimeTZField(null=True)
    cancelled_at = DateTimeTZField(null=True)
    ended_at = DateTimeTZField(null=True)

    class Meta:
        table_name = "subscriptions"


class SubscriptionPayment(TimedModel):
    subscription_id: UUID
    ledger_transaction_id: UUID
    subscription = peewee.ForeignKeyField(Subscription, on_delete="RESTRICT")
    ledger_transaction = peewee.ForeignKeyField(LedgerTransaction, on_delete="RESTRICT")
    amount = peewee.IntegerField()
    currency = peewee.TextField()
    provider = peewee.TextField(null=True)
    invoice = peewee.TextField(null=True)
    payment = peewee.TextField(null=True)
    period_ends_at = DateTimeTZField()
    status = peewee.TextField(default="paid")
    refunded_amount = peewee.IntegerField(default=0)
    refunds = ArrayField(peewee.TextField, default=list, index=False)

    class Meta:
        table_name = "subscription_payments"
