"""Discount codes, and the purchases that used one."""

import peewee
from playhouse.postgres_ext import DateTimeTZField

from db.models.base import Model, Row, TimedModel, now
from db.models.coin_packs import CoinPack
from db.models.coin_purchases import CoinPurchase
from db.models.users import User


class DiscountCode(TimedModel):
    code = peewee.TextField()
    kind = peewee.TextField()
    percent_off = peewee.IntegerField(null=True)
    bonus_coins = peewee.IntegerField(null=True)
    owner = peewee.ForeignKeyField(User, null=True, on_delete="CASCADE")
    earned_by = peewee.ForeignKeyField(CoinPurchase, null=True, on_delete="RESTRICT")
    starts_at = DateTimeTZField(null=True)
    ends_at = DateTimeTZField(null=True)
    max_uses = peewee.IntegerField(null=True)
    max_uses_per_user = peewee.IntegerField(default=1)
    uses = peewee.IntegerField(default=0)
    is_active = peewee.BooleanField(default=True)
    created_by = peewee.ForeignKeyField(User, null=True, on_delete="SET NULL")

    class Meta:
        table_name = "discount_codes"


class DiscountCodePack(Row):
    discount_code = peewee.ForeignKeyField(DiscountCode, on_delete="CASCADE")
    coin_pack = peewee.ForeignKeyField(CoinPack, on_delete="RESTRICT")

    class Meta:
        table_name = "discount_code_packs"
        primary_key = peewee.CompositeKey("discount_code", "coin_pack")


class DiscountRedemption(Model):
    discount_code = peewee.ForeignKeyField(DiscountCode, on_delete="RESTRICT")
    purchase = peewee.ForeignKeyField(CoinPurchase, on_delete="RESTRICT")
    user = peewee.ForeignKeyField(User, on_delete="RESTRICT")
    released_at = DateTimeTZField(null=True)
    created_at = DateTimeTZField(default=now)

    class Meta:
        table_name = "discount_redemptions"
