"""What streamers sell for coins, and what was bought."""

from uuid import UUID

import peewee
from playhouse.postgres_ext import DateTimeTZField

from db.models.base import Model, TimedModel, now
from db.models.ledger import LedgerTransaction
from db.models.users import User


class MarketplaceItem(TimedModel):
    seller_id: UUID
    seller = peewee.ForeignKeyField(User, on_delete="RESTRICT")
    name = peewee.TextField()
    description = peewee.TextField(default="")
    image = peewee.TextField(null=True)
    price = peewee.IntegerField()
    stock = peewee.IntegerField()
    sold = peewee.IntegerField(default=0)
    withdrawn_at = DateTimeTZField(null=True)

    class Meta:
        table_name = "marketplace_items"


class MarketplacePurchase(Model):
    ledger_transaction = peewee.ForeignKeyField(LedgerTransaction, on_delete="RESTRICT")
    item = peewee.ForeignKeyField(MarketplaceItem, on_delete="RESTRICT")
    buyer = peewee.ForeignKeyField(User, on_delete="RESTRICT")
    seller = peewee.ForeignKeyField(User, on_delete="RESTRICT")
    name = peewee.TextField()
    quantity = peewee.IntegerField()
    coins = peewee.IntegerField()
    created_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "marketplace_purchases"
