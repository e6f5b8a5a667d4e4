"""Stripe, through its own library; the payment sandbox is the same class at another address."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import msgspec
import requests
import stripe
import structlog

from services.gateways.payments import stripe_events
from services.gateways.payments.interface import (
    BadSignature,
    CheckoutOrder,
    CheckoutSession,
    ListedPayment,
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
TOLERANCE_S = 300
SIGNATURE_HEADER = "stripe-signature"
PAGE = 100
#: A checkout may be paid this long after it was opened, and is listed by when it was opened.
LONGEST_CHECKOUT = timedelta(days=1)


class _Envelope(msgspec.Struct):
    id: str
    type: str


class StripeProvider:
    """Checkout sessions, subscriptions and webhooks of Stripe (https://docs.stripe.com/api).

    `base_address` answers with another address than Stripe's own, when the first call is made.
    """

    name = "stripe"

    def __init__(self, secret_key: str, webhook_secret: str, base_address: Callable[[], str] | None = None) -> None:
        self._secret_key = secret_key
        self._webhook_secret = webhook_secret
        self._base_address = base_address
        self._patience = Patience(TIMEOUT_S)

    def create_checkout(self, order: CheckoutOrder) -> CheckoutSession:
        return self._open(_payment_params(order), str(order.purchase_id))

    def create_plan(self, order: PlanOrder) -> CheckoutSession:
        return self._open(_plan_params(order), str(order.subscription_id))

    def set_plan_ending(self, plan: str, *, ends: bool) -> None:
        with self._calling():
            self._client.v1.subscriptions.update(plan, params={"cancel_at_period_end": ends})

    def end_plan(self, plan: str) -> None:
        try:
            with self._calling():
                self._client.v1.subscriptions.cancel(plan)
        except ProviderRefused as error:
            log.info("plan_was_over", provider=self.name, error=str(error))

    def payments_since(self, since: datetime) -> Iterator[ListedPayment]:
        with self._calling():
            yield from self._paid_sessions(since)
            yield from self._paid_invoices(since)

    def verify(self, body: bytes, headers: Mapping[str, str]) -> SignedEvent:
        header = headers.get(SIGNATURE_HEADER, "")
        try:
            stripe.WebhookSignature.verify_header(body, _plain(header), self._webhook_secret, TOLERANCE_S)
        except (stripe.SignatureVerificationError, UnicodeDecodeError) as error:
            raise BadSignature(str(error)) from error
        _refuse_future(header)
        envelope = decode(body, _Envelope)
        return SignedEvent(envelope.id, envelope.type)

    def handles(self, kind: str) -> bool:
        return stripe_events.handles(kind)

    def read(self, payload: str) -> PaymentEvent:
        return stripe_events.read(payload)

    def close(self) -> None:
        self.__dict__.pop("_client", None)  # its sessions close with it

    def _open(self, params: dict[str, object], key: str) -> CheckoutSession:
        try:
            with self._calling():
                session = self._client.v1.checkout.sessions.create(
                    params=params,  # type: ignore[arg-type]
                    options={"idempotency_key": key},
                )
        except ProviderRefused as error:
            raise ProviderAway(str(error)) from error
        if session.url is None:
            raise ProviderAway("the session has no page")
        return CheckoutSession(session.id, session.url)

    @contextmanager
    def _calling(self) -> Iterator[None]:
        with self._patience.calling(), self._translating():
            yield

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except stripe.InvalidRequestError as error:
            log.warning("provider_refused", provider=self.name, error=str(error))
            raise ProviderRefused(str(error)) from error
        except stripe.StripeError as error:
            log.warning("provider_away", provider=self.name, error=str(error), kind=type(error).__name__)
            raise ProviderAway(f"{type(error).__name__}: {error}") from error

    def _paid_sessions(self, since: datetime) -> Iterator[ListedPayment]:
        opened_since = int((since - LONGEST_CHECKOUT).timestamp())
        sessions = self._client.v1.checkout.sessions.list(
            params={"created": {"gte": opened_since}, "status": "complete", "limit": PAGE}
        )
        for session in sessions.auto_paging_iter():
            reference = our_id(session.client_reference_id)
            if reference and session.mode == "payment" and session.payment_status == "paid":
                yield _listed(session, reference, str(session.payment_intent or session.id), session.amount_total)

    def _paid_invoices(self, since: datetime) -> Iterator[ListedPayment]:
        invoices = self._client.v1.invoices.list(
            params={"created": {"gte": int(since.timestamp())}, "status": "paid", "limit": PAGE}
        )
        for invoice in invoices.auto_paging_iter():
            told = msgspec.convert(invoice.to_dict(), stripe_events.Invoice)
            if told.reference and told.amount_paid > 0:
                yield _listed(invoice, told.reference, told.id, told.amount_paid)

    @cached_property
    def _client(self) -> stripe.StripeClient:
        if self._base_address is None:
            return self._client_at(stripe.DEFAULT_API_BASE, None)
        direct = requests.Session()
        direct.trust_env = False  # a proxy of the environment does not lead to this machine
        return self._client_at(self._base_address(), direct)

    def _client_at(self, address: str, session: requests.Session | None) -> stripe.StripeClient:
        return stripe.StripeClient(
            self._secret_key,
            base_addresses={"api": address},
            max_network_retries=RETRIES,
            http_client=stripe.RequestsClient(timeout=TIMEOUT_S, session=session),
        )


def _payment_params(order: CheckoutOrder) -> dict[str, object]:
    reference = {"purchaseId": str(order.purchase_id)}
    return {
        "mode": "payment",
        "client_reference_id": str(order.purchase_id),
        "line_items": [{"quantity": 1, "price_data": _price(order)}],
        "success_url": order.success_url,
        "cancel_url": order.cancel_url,
        "metadata": reference,
        "payment_intent_data": {"metadata": reference},
    }


def _plan_params(order: PlanOrder) -> dict[str, object]:
    reference = {stripe_events.REFERENCE: str(order.subscription_id)}
    return {
        "mode": "subscription",
        "client_reference_id": str(order.subscription_id),
        "line_items": [{"quantity": 1, "price_data": _price(order) | {"recurring": {"interval": "month"}}}],
        "success_url": order.success_url,
        "cancel_url": order.cancel_url,
        "metadata": reference,
        "subscription_data": {"metadata": reference},
    }


def _price(order: CheckoutOrder | PlanOrder) -> dict[str, object]:
    return {
        "currency": order.currency.lower(),
        "unit_amount": order.price,
        "product_data": {"name": order.title},
    }


def _listed(thing: Any, reference: Any, payment: str, amount: int | None) -> ListedPayment:
    paid_at = datetime.fromtimestamp(thing.created, UTC)
    return ListedPayment(payment, reference, amount or 0, str(thing.currency).upper(), paid_at)


def _plain(header: str) -> str:
    if not header.isascii():
        raise BadSignature("the signature header is not ASCII")
    return header


def _refuse_future(header: str) -> None:
    """The library refuses old times only. Called once it has found the header well formed."""
    signed_at = next(int(part.split("=")[1]) for part in header.split(",") if part.startswith("t="))
    if signed_at > time.time() + TOLERANCE_S:
        raise BadSignature(f"signed in the future ({signed_at})")
