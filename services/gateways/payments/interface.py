"""What the services need of a payment provider, in words that no provider owns."""

from collections.abc import Iterator, Mapping
from datetime import datetime
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


class PlanOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody is about to pay every month, the first time now; as CheckoutOrder otherwise."""

    subscription_id: UUID
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
    """The money will not come; or, where `payment` names a try, not by this one, and another may follow."""

    purchase_id: UUID
    payment: str | None = None


class CheckoutExpired(msgspec.Struct, frozen=True):
    """The person left without paying."""

    purchase_id: UUID


class PaymentRefunded(msgspec.Struct, frozen=True):
    """Money of this payment has gone back: `refunded_amount` in all, counting earlier refunds.

    Where the provider tells refunds one by one, `refund` names this one, and the amount is its own.
    """

    payment: str
    refunded_amount: int
    purchase_id: UUID | None
    refund: str | None = None


class DisputeOpened(msgspec.Struct, frozen=True):
    """The bank took the money back until the dispute is decided."""

    payment: str
    dispute: str


class DisputeClosed(msgspec.Struct, frozen=True):
    """The bank decided: for us (`won`), and the money came back, or for the payer."""

    payment: str
    dispute: str
    won: bool


class PlanOpened(msgspec.Struct, frozen=True):
    """A checkout of a subscription was handed in; `plan` is the provider's name of the subscription."""

    subscription_id: UUID
    plan: str


class PlanCheckoutOver(msgspec.Struct, frozen=True):
    """A checkout of a subscription came to nothing."""

    subscription_id: UUID


class PlanPaid(msgspec.Struct, frozen=True, kw_only=True):
    """A month of a subscription is paid, up to `paid_until`. `invoice` is paid once.

    `payment` is what a refund will name; a provider may say it later, by PlanPaymentNamed.
    """

    subscription_id: UUID | None
    plan: str
    invoice: str
    payment: str | None
    amount: int
    currency: str
    paid_until: datetime


class PlanPaymentNamed(msgspec.Struct, frozen=True):
    """By which payment an invoice was paid."""

    invoice: str
    payment: str


class PlanUnpaid(msgspec.Struct, frozen=True):
    """A month could not be charged; the provider tries again."""

    subscription_id: UUID | None
    plan: str


class PlanEnding(msgspec.Struct, frozen=True):
    """The provider will charge no further month."""

    subscription_id: UUID | None
    plan: str


class PlanOver(msgspec.Struct, frozen=True):
    """The provider has ended a subscription."""

    subscription_id: UUID | None
    plan: str


class Unhandled(msgspec.Struct, frozen=True):
    """Something of which nothing follows here, and why."""

    reason: str


PlanEvent = PlanOpened | PlanCheckoutOver | PlanPaid | PlanPaymentNamed | PlanUnpaid | PlanEnding | PlanOver
PaymentEvent = (
    PaymentSucceeded
    | PaymentFailed
    | CheckoutExpired
    | PaymentRefunded
    | DisputeOpened
    | DisputeClosed
    | PlanEvent
    | Unhandled
)


class ListedPayment(msgspec.Struct, frozen=True):
    """A payment in the provider's own list, for a purchase or subscription made here (`reference`).

    `payment` is what the books know it by: the payment of a purchase, the invoice of a month.
    """

    payment: str
    reference: UUID
    amount: int
    currency: str
    paid_at: datetime


class ProviderAway(Exception):
    """The provider did not answer, or would not take the order; the message says which."""


class ProviderRefused(Exception):
    """The provider understood and will not, now or later."""


class BadSignature(Exception):
    """A webhook that the provider did not sign, or signed at another time."""


class MalformedEvent(Exception):
    """A signed event that does not have the shape that the provider documents."""


class PaymentProvider(Protocol):
    """One provider."""

    name: str

    def create_checkout(self, order: CheckoutOrder) -> CheckoutSession:
        """Open a checkout page; raises ProviderAway."""

    def create_plan(self, order: PlanOrder) -> CheckoutSession:
        """Open a checkout page for a monthly subscription; raises ProviderAway."""

    def set_plan_ending(self, plan: str, *, ends: bool) -> None:
        """Charge no further month after the one that is paid, or charge on; raises ProviderAway, ProviderRefused."""

    def end_plan(self, plan: str) -> None:
        """End a subscription at once; one that is over already is no error. Raises ProviderAway."""

    def payments_since(self, since: datetime) -> Iterator[ListedPayment]:
        """Every payment that succeeded since then, by the provider's own books; raises ProviderAway."""

    def verify(self, body: bytes, headers: Mapping[str, str]) -> SignedEvent:
        """Check a webhook's signature before anything reads it; raises BadSignature, MalformedEvent.

        Names in `headers` are lower case.
        """

    def handles(self, kind: str) -> bool:
        """Whether anything can follow from events of this kind."""

    def read(self, payload: str) -> PaymentEvent:
        """What a verified event means; raises MalformedEvent."""

    def close(self) -> None:
        """Give back the connections that it holds."""
