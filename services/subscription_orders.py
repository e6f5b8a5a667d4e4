"""What somebody asks for when they subscribe, and what they get."""

from typing import Annotated
from uuid import UUID

import msgspec

from services.checkout import Url
from services.subscription_views import SubscriptionView
from services.tiers import PaymentMethod, Tier


class SubscriptionOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Whom somebody wants to support, how much, and by what; the rest matters for cards alone."""

    streamer_id: UUID
    tier: Tier
    payment_method: PaymentMethod
    provider: Annotated[str, msgspec.Meta(max_length=20)] = "stripe"
    success_url: Url | None = None
    cancel_url: Url | None = None


class Started(msgspec.Struct, frozen=True, rename="camel"):
    """The subscription, and where to pay for it; nowhere where it is active already."""

    subscription: SubscriptionView
    checkout_url: str | None
