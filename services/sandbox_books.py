"""The payment sandbox's books of one checkout, and of the subscription that it may have begun."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

LIFETIME_S = 24 * 3600

Json = dict[str, Any]


class SessionBook(msgspec.Struct, frozen=True, kw_only=True):
    """What the sandbox knows of one checkout; amounts in minor units.

    Of a subscription, `amount` is a month's, `periods` how many were paid, and what was refunded or
    disputed is the newest of them.
    """

    id: str
    provider: str
    mode: str
    request: Json
    amount: int
    currency: str
    status: str
    paid: bool
    refunded_amount: int
    is_disputed: bool
    created_at: datetime
    completed_at: datetime | None
    period_ends_at: datetime | None
    periods: int
    subscription_status: str | None
    cancels_at_period_end: bool
    url: str

    @property
    def tail(self) -> str:
        """What the names of everything that belongs to this checkout end in."""
        return self.id.rpartition("_")[2]

    @property
    def payment_tail(self) -> str:
        """What the names of its newest payment end in."""
        return self.tail if self.periods < 2 else f"{self.tail}_{self.periods}"

    @property
    def payment(self) -> str:
        return f"pi_{self.payment_tail}" if self.provider == "stripe" else f"pay_{self.payment_tail}"

    @property
    def plan(self) -> str:
        """What its subscription is called."""
        return f"sub_{self.tail}"


class Act(StrEnum):
    """What can happen to a checkout or its subscription, whoever tells of it."""

    PAID = "paid"
    DECLINED = "declined"
    CLOSED = "closed"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"
    RENEWED = "renewed"
    UNPAID = "unpaid"
    CHANGED = "changed"
    ENDED = "ended"


class Told(msgspec.Struct, frozen=True):
    """Something that happened; `amount` is what a refund gave back."""

    act: Act
    amount: int = 0


Voice = Callable[[SessionBook, Told], list[Json]]
"""How one provider tells of what happened: the bodies of its webhooks, in order."""
