"""Coins that somebody set out to buy, and how far the payment came."""

from uuid import UUID

import peewee
from playhouse.postgres_ext import ArrayField, DateTimeTZField

from db.models.base import TimedModel
from db.models.coin_packs import CoinPack
from db.models.users import User


class CoinPurchase(TimedModel):
    user_id: UUID
    coin_pack_id: UUID
    user = peewee.ForeignKeyField(User, on_delete="RESTRICT")
    coin_pack = peewee.ForeignKeyField(CoinPack, on_delete="RESTRICT")
    coins = peewee.IntegerField()
    bonus_coins = peewee.IntegerField(default=0)
    price = peewee.IntegerField()
    currency = peewee.TextField()
    provider = peewee.TextField()
    status = peewee.TextField(default="pending")
    success_url = peewee.TextField()
    cancel_url = peewee.TextField()
    session = peewee.TextField(null=True)
    checkout_url = peewee.TextField(null=True)
    payment = peewee.TextField(null=True)
    unavailable_at = DateTimeTZField(null=True)
    paid_at = DateTimeTZField(null=True)
    refunded_amount = peewee.IntegerField(default=0)
    reversed_coins = peewee.IntegerField(default=0)
    refunds = ArrayField(peewee.TextField, default=list, index=False)

    class Meta:
        table_name = "coin_purchases"
