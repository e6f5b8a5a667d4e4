"""What the services need of a payment provider, in words that no provider owns."""

from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

import msgspec


class CheckoutOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody is about to pay; `price` in minor units of `currency` (ISO 4217).

    `purchase_id` is the provider's idempotency key: ordering twice gives one session.
    """

    purchase_id: UUID
    title: str
    price: int
    currency: str
    success_url: str
    cancel_url: str


class CheckoutSession(msgspec.Struct, frozen=True):
    """Where the person pays."""

    session: str
    url: str


class SignedEvent(msgspec.Struct, frozen=True):
    """The outside of a webhook whose signature is good."""

    event_id: str
    kind: str


class PaymentSucceeded(msgspec.Struct, frozen=True, kw_only=True):
    """The money is there; `amount` in minor units of `currency` (upper case)."""

    purchase_id: UUID
    session: str
    payment: str
    amount: int
    currency: str


class PaymentFailed(msgspec.Struct, frozen=True):
    """The money will not come."""

    purchase_id: UUID


class CheckoutExpired(msgspec.Struct, frozen=True):
    """The person left without paying."""

    purchase_id: UUID


class PaymentRefunded(msgspec.Struct, frozen=True):
    """Of this payment `refunded_amount` has gone back in all, counting earlier refunds."""

    payment: str
    refunded_amount: int
    purchase_id: UUID | None


class DisputeOpened(msgspec.Struct, frozen=True):
    """The bank took the money back until the dispute is decided."""

    payment: str
    dispute: str


class DisputeClosed(msgspec.Struct, frozen=True):
    """The bank decided: for us (`won`), and the money came back, or for the payer."""

    payment: str
    dispute: str
    won: bool


class Unhandled(msgspec.Struct, frozen=True):
    """Something of which nothing follows here, and why."""

    reason: str


PaymentEvent = (
    PaymentSucceeded | PaymentFailed | CheckoutExpired | PaymentRefunded | DisputeOpened | DisputeClosed | Unhandled
)


class ProviderAway(Exception):
    """The provider did not answer, or would not take the order; the message says which."""


class BadSignature(Exception):
    """A webhook that the provider did not sign, or signed at another time."""


class MalformedEvent(Exception):
    """A signed event that does not have the shape that the provider documents."""


class PaymentProvider(Protocol):
    """One provider."""

    name: str

    def create_checkout(self, order: CheckoutOrder) -> CheckoutSession:
        """Open a checkout page; raises ProviderAway."""

    def verify(self, body: bytes, headers: Mapping[str, str]) -> SignedEvent:
        """Check a webhook's signature before anything reads it; raises BadSignature, MalformedEvent.

        Names in `headers` are lower case.
        """

    def handles(self, kind: str) -> bool:
        """Whether anything can follow from events of this kind."""

    def read(self, payload: str) -> PaymentEvent:
        """What a verified event means; raises MalformedEvent."""
