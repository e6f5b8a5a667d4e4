"""What a stored event does: from a provider's words to the service that settles them."""

from collections.abc import Callable, Mapping

from services import livekit_rooms, purchases, subscription_refunds, subscription_settlement, subscription_states
from services.errors import ServiceError
from services.gateways.payments.interface import (
    CheckoutExpired,
    DisputeClosed,
    DisputeOpened,
    PaymentEvent,
    PaymentFailed,
    PaymentRefunded,
    PaymentSucceeded,
    Unhandled,
)
from services.payment_providers import payment_providers
from services.purchases import Settlement

REFUSALS: Mapping[str, Callable[[], ServiceError]] = {**subscription_states.REFUSALS, **purchases.REFUSALS}
"""For `translating` around the block in which an event is settled."""


def settle(provider: str, payload: str) -> Settlement:
    """Do what an event says, in the caller's transaction.

    Raises NotYet, PaymentMismatch, MalformedEvent and what the services refuse.
    """
    if provider == livekit_rooms.PROVIDER:
        return livekit_rooms.settle(payload)
    return _effect(provider, payment_providers.named(provider).read(payload))


def _effect(provider: str, event: PaymentEvent) -> Settlement:
    match event:
        case PaymentSucceeded():
            return purchases.settle_success(event, provider)
        case PaymentFailed() | CheckoutExpired():
            return purchases.settle_failure(event, provider)
        case PaymentRefunded() | DisputeOpened() | DisputeClosed():
            return subscription_refunds.settle(event, provider) or purchases.settle_return(event, provider)
        case Unhandled():
            return Settlement(changed=False, note=event.reason)
    return subscription_settlement.settle(event, provider)
