"""Coins on sale."""

import peewee

from db.models.base import TimedModel


class CoinPack(TimedModel):
    name = peewee.TextField()
    coins = peewee.IntegerField()
    price = peewee.IntegerField()
    currency = peewee.TextField()
    reward_percent_off = peewee.IntegerField(null=True)
    is_active = peewee.BooleanField(default=True)

    class Meta:
        table_name = "coin_packs"
