"""Dodo Payments, through its own library; the payment sandbox is the same class at another address.

Webhooks are signed by the Standard Webhooks scheme (https://www.standardwebhooks.com). While a
secret is being changed two are valid.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol

import dodopayments
import httpx
import msgspec
import structlog
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.gateways.payments import dodo_events
from services.gateways.payments.interface import (
    BadSignature,
    CheckoutOrder,
    CheckoutSession,
    ListedPayment,
    MalformedEvent,
    PaymentEvent,
    PlanOrder,
    ProviderAway,
    ProviderRefused,
    SignedEvent,
)
from services.gateways.payments.patience import Patience
from services.gateways.payments.wire import decode, our_id

log = structlog.get_logger(__name__)

TIMEOUT_S = 10
RETRIES = 1
PAGE = 100
LONGEST_ID = 255
SIGNED_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")

Reference = dict[str, str | float | bool]


class Products(Protocol):
    """Where it is written down what the provider calls a thing that we sell."""

    def find(self, fingerprint: str) -> str | None: ...

    def keep(self, fingerprint: str, product: str) -> None: ...


class DodoProvider:
    """Checkout sessions, subscriptions and webhooks of Dodo Payments.

    `base_address` answers with another address than Dodo's own, when the first call is made.
    """

    name = "dodo"

    def __init__(
        self,
        api_key: str,
        webhook_secrets: tuple[str, ...],
        products: Products,
        *,
        live: bool = False,
        base_address: Callable[[], str] | None = None,
    ) -> None:
        self._api_key = api_key
        self._webhooks = [Webhook(secret) for secret in webhook_secrets]
        self._products = products
        self._live = live
        self._patience = Patience(TIMEOUT_S)
        self._base_address = base_address

    def create_checkout(self, order: CheckoutOrder) -> CheckoutSession:
        price = {"type": "one_time_price", "currency": order.currency, "price": order.price, "tax_inclusive": True}
        return self._open(order, price, {dodo_events.PURCHASE: str(order.purchase_id)})

    def create_plan(self, order: PlanOrder) -> CheckoutSession:
        price = {
            "type": "recurring_price",
            "currency": order.currency,
            "price": order.price,
            "tax_inclusive": True,
            "payment_frequency_count": 1,
            "payment_frequency_interval": "Month",
            "subscription_period_count": 20,
            "subscription_period_interval": "Year",
        }
        return self._open(order, price, {dodo_events.SUBSCRIPTION: str(order.subscription_id)})

    def set_plan_ending(self, plan: str, *, ends: bool) -> None:
        with self._calling():
            self._client.subscriptions.update(plan, cancel_at_next_billing_date=ends)

    def end_plan(self, plan: str) -> None:
        try:
            with self._calling():
                self._client.subscriptions.update(plan, status="cancelled")
        except ProviderRefused as error:
            log.info("plan_was_over", provider=self.name, error=str(error))

    def payments_since(self, since: datetime) -> Iterator[ListedPayment]:
        number, full = 0, True
        while full:
            with self._calling():
                page = self._client.payments.list(
                    created_at_gte=since, status="succeeded", page_size=PAGE, page_number=number
                ).items
            yield from filter(None, map(_listed, page))
            number, full = number + 1, len(page) == PAGE

    def verify(self, body: bytes, headers: Mapping[str, str]) -> SignedEvent:
        signed = {name: headers.get(name, "") for name in SIGNED_HEADERS}
        if not any(_is_signed(webhook, body, signed) for webhook in self._webhooks):
            raise BadSignature("no secret that is valid now signed it")
        name = signed["webhook-id"]
        if len(name) > LONGEST_ID:
            raise MalformedEvent("the id is too long")
        return SignedEvent(name, decode(body, dodo_events.Event).type)

    def handles(self, kind: str) -> bool:
        return dodo_events.handles(kind)

    def read(self, payload: str) -> PaymentEvent:
        return dodo_events.read(payload)

    def close(self) -> None:
        client = self.__dict__.pop("_client", None)
        if client is not None:
            client.close()

    def _open(self, order: CheckoutOrder | PlanOrder, price: dict[str, Any], reference: Reference) -> CheckoutSession:
        try:
            with self._calling():
                session = self._client.checkout_sessions.create(
                    product_cart=[{"product_id": self._product(order.title, price), "quantity": 1}],
                    metadata=reference,
                    return_url=order.success_url,
                    cancel_url=order.cancel_url,
                    feature_flags={"allow_discount_code": False},
                )
        except ProviderRefused as error:
            raise ProviderAway(str(error)) from error
        if session.checkout_url is None:
            raise ProviderAway("the session has no page")
        return CheckoutSession(session.session_id, session.checkout_url)

    def _product(self, title: str, price: dict[str, Any]) -> str:
        """The product of this name and price, made where it is sold for the first time."""
        fingerprint = hashlib.sha256(msgspec.json.encode([title, sorted(price.items())])).hexdigest()
        found = self._products.find(fingerprint)
        if found is None:
            made: Any = {"name": title, "price": price, "tax_category": "digital_products"}
            found = self._client.products.create(**made).product_id
            self._products.keep(fingerprint, found)
        return found

    @contextmanager
    def _calling(self) -> Iterator[None]:
        with self._patience.calling(), self._translating():
            yield

    @contextmanager
    def _translating(self) -> Iterator[None]:
        refused = (
            dodopayments.BadRequestError,
            dodopayments.NotFoundError,
            dodopayments.ConflictError,
            dodopayments.UnprocessableEntityError,
        )
        try:
            yield
        except refused as error:
            log.warning("provider_refused", provider=self.name, error=str(error))
            raise ProviderRefused(str(error)) from error
        except dodopayments.DodoPaymentsError as error:
            log.warning("provider_away", provider=self.name, error=str(error), kind=type(error).__name__)
            raise ProviderAway(f"{type(error).__name__}: {error}") from error

    @cached_property
    def _client(self) -> dodopayments.DodoPayments:
        environment: Any = "live_mode" if self._live else "test_mode"
        given: dict[str, Any] = {"environment": environment}
        if self._base_address is not None:
            # A proxy of the environment does not lead to this machine.
            given = {"base_url": self._base_address(), "http_client": httpx.Client(trust_env=False)}
        return dodopayments.DodoPayments(bearer_token=self._api_key, timeout=TIMEOUT_S, max_retries=RETRIES, **given)


def _is_signed(webhook: Webhook, body: bytes, headers: dict[str, str]) -> bool:
    """Whether this secret signed it, within five minutes either way; whatever is no signature did not."""
    try:
        webhook.verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError, OverflowError):
        return False
    return True


def _listed(payment: Any) -> ListedPayment | None:
    """A payment in Dodo's list; None for one that was not made here."""
    reference = our_id(payment.metadata.get(dodo_events.PURCHASE)) or our_id(
        payment.metadata.get(dodo_events.SUBSCRIPTION)
    )
    if reference is None:
        return None
    return ListedPayment(
        payment.payment_id, reference, payment.total_amount, str(payment.currency).upper(), payment.created_at
    )
