"""The books of the payment sandbox: its checkout sessions and the webhooks it owes us."""

import peewee
from playhouse.postgres_ext import BinaryJSONField, DateTimeTZField

from db.models.base import Model, Row, now


class SandboxSession(Model):
    id = peewee.TextField(primary_key=True)  # type: ignore[assignment]  # a provider names its own things
    idempotency_key = peewee.TextField(null=True)
    request = BinaryJSONField(index=False)
    amount = peewee.IntegerField()
    currency = peewee.TextField()
    status = peewee.TextField(default="open")
    paid = peewee.BooleanField(default=False)
    refunded_amount = peewee.IntegerField(default=0)
    is_disputed = peewee.BooleanField(default=False)
    provider = peewee.TextField(default="stripe")
    mode = peewee.TextField(default="payment")
    completed_at = DateTimeTZField(null=True)
    period_ends_at = DateTimeTZField(null=True)
    periods = peewee.IntegerField(default=0)
    subscription_status = peewee.TextField(null=True)
    cancels_at_period_end = peewee.BooleanField(default=False)
    created_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "payment_sandbox_sessions"


class SandboxDelivery(Model):
    batch_id = peewee.UUIDField()
    session = peewee.ForeignKeyField(SandboxSession, on_delete="CASCADE")
    position = peewee.IntegerField()
    body = peewee.TextField()
    provider = peewee.TextField(default="stripe")
    due_at = DateTimeTZField()
    sent_at = DateTimeTZField(null=True)

    class Meta:
        table_name = "payment_sandbox_deliveries"


class SandboxProduct(Row):
    id = peewee.TextField(primary_key=True)
    name = peewee.TextField()
    amount = peewee.IntegerField()
    currency = peewee.TextField()
    is_recurring = peewee.BooleanField()
    created_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "payment_sandbox_products"
