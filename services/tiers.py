"""The tiers of a subscription, and what a month of each costs."""

from enum import StrEnum

import msgspec

from services import ledger
from services.bus import bus


class Tier(StrEnum):
    """How much somebody supports a streamer, rising."""

    BASIC = "basic"
    PRO = "pro"
    PREMIUM = "premium"

    @property
    def rank(self) -> int:
        """0 for the lowest."""
        return tuple(Tier).index(self)


class PaymentMethod(StrEnum):
    """By what a subscription is paid, month after month."""

    CARD = "card"
    COINS = "coins"


class Price(msgspec.Struct, frozen=True):
    """What a month costs: minor units of an ISO 4217 currency, or coins (`COIN`)."""

    amount: int
    currency: str


class TierView(msgspec.Struct, frozen=True, rename="camel"):
    """A tier on sale; `price` in minor units."""

    tier: Tier
    price: int
    currency: str
    coins: int


def month_of(tier: Tier, method: PaymentMethod) -> Price:
    """What a month of a tier costs today by this way of paying."""
    if method is PaymentMethod.COINS:
        return Price(coins_of(tier), ledger.COIN)
    return Price(bus.settings.subscription_prices[tier.rank], bus.settings.subscription_currency)


def coins_of(tier: Tier) -> int:
    """A month in coins: the measure by which tiers are compared, however they were paid."""
    return bus.settings.subscription_coins[tier.rank]


def tiers_on_sale() -> list[TierView]:
    """Every tier with its prices, lowest first."""
    prices = bus.settings.subscription_prices
    return [TierView(tier, prices[tier.rank], bus.settings.subscription_currency, coins_of(tier)) for tier in Tier]
