"""Stripe, through its own library; the payment sandbox is the same class at another address."""

import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TypeVar
from uuid import UUID

import msgspec
import requests
import stripe
import structlog

from services.gateways.payments.interface import (
    BadSignature,
    CheckoutExpired,
    CheckoutOrder,
    CheckoutSession,
    DisputeClosed,
    DisputeOpened,
    MalformedEvent,
    PaymentEvent,
    PaymentFailed,
    PaymentRefunded,
    PaymentSucceeded,
    ProviderAway,
    SignedEvent,
    Unhandled,
)

log = structlog.get_logger(__name__)

TIMEOUT_S = 10
RETRIES = 1
TOLERANCE_S = 300
SIGNATURE_HEADER = "stripe-signature"

T = TypeVar("T")


class _Envelope(msgspec.Struct):
    id: str
    type: str


class _Session(msgspec.Struct):
    id: str
    client_reference_id: str | None = None
    payment_intent: str | None = None
    payment_status: str = "unpaid"
    amount_total: int = 0
    currency: str = ""


class _Charge(msgspec.Struct):
    amount_refunded: int
    payment_intent: str | None = None
    metadata: dict[str, str] | None = None


class _Dispute(msgspec.Struct):
    id: str
    status: str
    payment_intent: str | None = None


class _Data(msgspec.Struct):
    object: msgspec.Raw


class _Event(msgspec.Struct):
    type: str
    data: _Data


class StripeProvider:
    """Checkout sessions and webhooks of Stripe (https://docs.stripe.com/api/checkout/sessions).

    `base_address` answers with another address than Stripe's own, when the first call is made.
    """

    name = "stripe"

    def __init__(self, secret_key: str, webhook_secret: str, base_address: Callable[[], str] | None = None) -> None:
        self._secret_key = secret_key
        self._webhook_secret = webhook_secret
        self._base_address = base_address

    def create_checkout(self, order: CheckoutOrder) -> CheckoutSession:
        try:
            session = self._client.v1.checkout.sessions.create(
                params=_session_params(order),  # type: ignore[arg-type]
                options={"idempotency_key": str(order.purchase_id)},
            )
        except stripe.StripeError as error:
            log.warning("provider_away", provider=self.name, error=str(error), kind=type(error).__name__)
            raise ProviderAway(f"{type(error).__name__}: {error}") from error
        if session.url is None:
            raise ProviderAway("the session has no page")
        return CheckoutSession(session.id, session.url)

    def verify(self, body: bytes, headers: Mapping[str, str]) -> SignedEvent:
        header = headers.get(SIGNATURE_HEADER, "")
        try:
            stripe.WebhookSignature.verify_header(body, _plain(header), self._webhook_secret, TOLERANCE_S)
        except (stripe.SignatureVerificationError, UnicodeDecodeError) as error:
            raise BadSignature(str(error)) from error
        _refuse_future(header)
        envelope = _decode(body, _Envelope)
        return SignedEvent(envelope.id, envelope.type)

    def handles(self, kind: str) -> bool:
        return kind in _READERS

    def read(self, payload: str) -> PaymentEvent:
        event = _decode(payload, _Event)
        reader = _READERS.get(event.type)
        if reader is None:
            return Unhandled(f"nothing follows from {event.type}")
        return reader(event.data.object)

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


def _session_params(order: CheckoutOrder) -> dict[str, object]:
    reference = {"purchaseId": str(order.purchase_id)}
    price = {
        "currency": order.currency.lower(),
        "unit_amount": order.price,
        "product_data": {"name": order.title},
    }
    return {
        "mode": "payment",
        "client_reference_id": str(order.purchase_id),
        "line_items": [{"quantity": 1, "price_data": price}],
        "success_url": order.success_url,
        "cancel_url": order.cancel_url,
        "metadata": reference,
        "payment_intent_data": {"metadata": reference},
    }


def _plain(header: str) -> str:
    if not header.isascii():
        raise BadSignature("the signature header is not ASCII")
    return header


def _refuse_future(header: str) -> None:
    """The library refuses old times only. Called once it has found the header well formed."""
    signed_at = next(int(part.split("=")[1]) for part in header.split(",") if part.startswith("t="))
    if signed_at > time.time() + TOLERANCE_S:
        raise BadSignature(f"signed in the future ({signed_at})")


def _succeeded(raw: msgspec.Raw) -> PaymentEvent:
    session = _decode(raw, _Session)
    purchase_id = _purchase_id(session.client_reference_id)
    if purchase_id is None:
        return Unhandled("the session is not of a purchase made here")
    if session.payment_status == "unpaid":
        return Unhandled("the payment is still on its way")
    return PaymentSucceeded(
        purchase_id=purchase_id,
        session=session.id,
        payment=session.payment_intent or session.id,
        amount=session.amount_total,
        currency=session.currency.upper(),
    )


def _of_session(make: Callable[[UUID], PaymentEvent]) -> Callable[[msgspec.Raw], PaymentEvent]:
    def read(raw: msgspec.Raw) -> PaymentEvent:
        purchase_id = _purchase_id(_decode(raw, _Session).client_reference_id)
        return make(purchase_id) if purchase_id else Unhandled("the session is not of a purchase made here")

    return read


def _refunded(raw: msgspec.Raw) -> PaymentEvent:
    charge = _decode(raw, _Charge)
    if charge.payment_intent is None:
        return Unhandled("the charge belongs to no payment intent")
    return PaymentRefunded(
        charge.payment_intent, charge.amount_refunded, _purchase_id((charge.metadata or {}).get("purchaseId"))
    )


def _dispute_opened(raw: msgspec.Raw) -> PaymentEvent:
    dispute = _decode(raw, _Dispute)
    if dispute.payment_intent is None or dispute.status.startswith("warning_"):
        return Unhandled("an inquiry moves no money")
    return DisputeOpened(dispute.payment_intent, dispute.id)


def _dispute_closed(raw: msgspec.Raw) -> PaymentEvent:
    dispute = _decode(raw, _Dispute)
    if dispute.payment_intent is None or dispute.status not in ("won", "lost"):
        return Unhandled("an inquiry moves no money")
    return DisputeClosed(dispute.payment_intent, dispute.id, won=dispute.status == "won")


_READERS: Mapping[str, Callable[[msgspec.Raw], PaymentEvent]] = {
    "checkout.session.completed": _succeeded,
    "checkout.session.async_payment_succeeded": _succeeded,
    "checkout.session.async_payment_failed": _of_session(PaymentFailed),
    "checkout.session.expired": _of_session(CheckoutExpired),
    "charge.refunded": _refunded,
    "charge.dispute.created": _dispute_opened,
    "charge.dispute.closed": _dispute_closed,
}


def _purchase_id(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _decode(raw: bytes | str | msgspec.Raw, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(raw, type=shape)
    except msgspec.DecodeError as error:
        raise MalformedEvent(str(error)) from error
