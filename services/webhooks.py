"""What providers tell us: verified, stored before it is answered, settled by a job exactly once."""

import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

import peewee
import structlog
from prometheus_client import Counter, Histogram

from db.connection import acting_as_system, query
from db.models.webhook_events import WebhookEvent
from db.transactions import atomic
from services import (
    clock,
    jobs,
    livekit_rooms,
    purchases,
    sandbox_deliveries,
    sandbox_sessions,
    sandbox_subscriptions,
    subscription_refunds,
    subscription_settlement,
    subscription_states,
)
from services.bus import bus
from services.errors import Invalid, ServiceError, Unavailable
from services.gateways.payments.interface import (
    BadSignature,
    CheckoutExpired,
    DisputeClosed,
    DisputeOpened,
    MalformedEvent,
    PaymentEvent,
    PaymentFailed,
    PaymentRefunded,
    PaymentSucceeded,
    SignedEvent,
    Unhandled,
)
from services.ids import new_id
from services.payment_providers import payment_providers
from services.purchases import NotYet, PaymentMismatch, Settlement
from services.refusals import translating
from services.tracing import current_request_id
from services.webhook_events import LEASE_S, State, after

log = structlog.get_logger(__name__)

MOST_ATTEMPTS = 12
LONGEST_BACKOFF_S = 300
SWEEP_BATCH = 500

REFUSED = Counter("astrotv_webhooks_refused_total", "Webhooks with a bad signature or shape", ["provider"])
RECEIVED = Counter("astrotv_webhooks_received_total", "Webhooks stored for the first time", ["provider"])
SETTLED = Counter("astrotv_webhooks_settled_total", "Webhooks by the state they ended in", ["provider", "state"])
LAG = Histogram("astrotv_webhook_lag_seconds", "From receiving a webhook to settling it", ["provider"])

REFUSALS = {**subscription_states.REFUSALS, **purchases.REFUSALS}
Passing = (NotYet, Unavailable, peewee.OperationalError, peewee.InterfaceError)
Final = (PaymentMismatch, MalformedEvent, ServiceError, peewee.IntegrityError)


def receive(provider_name: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Store a signed event and ask for it to be processed; one that was seen before changes nothing.

    Of a kind that is unknown here it is stored as ignored. Raises Invalid("bad_signature") or
    Invalid("malformed_event"), and then stores nothing.
    """
    signed = _verified(provider_name, body, headers)
    keep(provider_name, signed, body.decode(), is_handled=payment_providers.named(provider_name).handles(signed.kind))


@acting_as_system("what a provider signed")
def keep(provider_name: str, signed: SignedEvent, payload: str, *, is_handled: bool) -> None:
    """Store an event whose signature is good, once, and ask for it to be processed if it is of a kind handled."""
    state = State.RECEIVED if is_handled else State.IGNORED
    with atomic():
        event_id = _stored(provider_name, signed, payload, state)
        if event_id is not None and state is State.RECEIVED:
            jobs.enqueue(jobs.PROCESS_WEBHOOK, event_id=event_id)
    if event_id is not None:
        RECEIVED.labels(provider_name).inc()


def process(event_id: UUID) -> None:
    """Settle a stored event, in one transaction with its effect; again, it does nothing.

    Raises Unavailable where it should be tried later. An event that cannot be settled, or was
    tried too often, is parked as FAILED.
    """
    attempt = _claimed(event_id)
    if attempt is None:
        return
    try:
        with translating(REFUSALS), atomic():
            _settle(event_id)
    except Passing as error:
        _postpone_or_park(event_id, attempt, error)
    except Final as error:
        _park(event_id, error)


def sweep() -> int:
    """Ask again for events whose job was lost or is overdue; returns how many."""
    now = clock.now()
    with atomic():
        due = query(_SWEEP, (now + timedelta(seconds=LEASE_S), now, SWEEP_BATCH))
        for (event_id,) in due:
            jobs.enqueue(jobs.PROCESS_WEBHOOK, event_id=event_id)
    sandbox_deliveries.sweep()
    if bus.settings.payment_sandbox:
        sandbox_sessions.close_overdue()
        sandbox_subscriptions.charge_due()
    return len(due)


def _verified(provider_name: str, body: bytes, headers: Mapping[str, str]) -> SignedEvent:
    provider = payment_providers.named(provider_name)
    try:
        return provider.verify(body, headers)
    except BadSignature as error:
        _refused(provider_name, error)
        raise Invalid("The signature is not valid.", "bad_signature") from error
    except MalformedEvent as error:
        _refused(provider_name, error)
        raise Invalid("The event cannot be read.", "malformed_event") from error


def _refused(provider_name: str, error: Exception) -> None:
    REFUSED.labels(provider_name).inc()
    log.warning("webhook_refused", provider=provider_name, reason=type(error).__name__)


def _stored(provider_name: str, signed: SignedEvent, payload: str, state: State) -> UUID | None:
    """The new row's id; None where the event is known."""
    event_id = new_id()
    rows = query(
        _STORE,
        (
            event_id,
            provider_name,
            signed.event_id,
            signed.kind,
            payload,
            current_request_id(),
            state,
            clock.now(),
            clock.now() if state is State.IGNORED else None,
            after(LEASE_S),
        ),
    )
    return event_id if rows else None


def _claimed(event_id: UUID) -> int | None:
    """Count an attempt before making it, so that one that kills its worker counts too."""
    rows = query(_CLAIM, (after(LEASE_S), event_id))
    if not rows:
        return None
    attempt = int(rows[0][0])
    if attempt > MOST_ATTEMPTS:
        _park(event_id, TimeoutError("every attempt was cut short"))
        return None
    return attempt


def _settle(event_id: UUID) -> None:
    event = WebhookEvent.select().where(WebhookEvent.id == event_id).for_update().get()
    if event.state != State.RECEIVED:
        return
    settlement = _settlement(event.provider, event.payload)
    event.state = State.PROCESSED if settlement.changed else State.IGNORED
    event.error, event.processed_at = settlement.note, clock.now()
    event.save()
    _count(event.provider, event.state, event.received_at)


def _settlement(provider: str, payload: str) -> Settlement:
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


def _postpone_or_park(event_id: UUID, attempt: int, error: Exception) -> None:
    if attempt >= MOST_ATTEMPTS:
        _park(event_id, error)
        return
    wait_s = _backoff_s(attempt)
    query(_POSTPONE, (after(wait_s), str(error)[:1000], event_id))
    raise Unavailable(f"The webhook waits: {error}", retry_after_s=wait_s) from error


def _park(event_id: UUID, error: Exception) -> None:
    log.error("webhook_parked", webhook_event=str(event_id), error=str(error))
    for (provider,) in query(_PARK, (f"{type(error).__name__}: {error}"[:1000], event_id)):
        SETTLED.labels(provider, State.FAILED).inc()


def _count(provider: str, state: str, received_at: datetime) -> None:
    SETTLED.labels(provider, state).inc()
    LAG.labels(provider).observe(max(0.0, (clock.now() - received_at).total_seconds()))


def _backoff_s(attempt: int) -> float:
    """1, 2, 4 … 300 seconds, each up to half more, so that retries do not march in step."""
    return min(2.0 ** (attempt - 1), LONGEST_BACKOFF_S) * random.uniform(1, 1.5)  # noqa: S311 - not a secret


_STORE = """
INSERT INTO webhook_events
    (id, provider, event_id, kind, payload, request_id, state, received_at, processed_at, next_attempt_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT ON CONSTRAINT webhook_events_event_key DO NOTHING RETURNING id"""

_CLAIM = """
UPDATE webhook_events SET attempts = attempts + 1, next_attempt_at = %s
WHERE id = %s AND state = 'RECEIVED' RETURNING attempts"""

_POSTPONE = """
UPDATE webhook_events SET next_attempt_at = %s, error = %s WHERE id = %s AND state = 'RECEIVED'"""

_PARK = """
UPDATE webhook_events SET state = 'FAILED', error = %s
WHERE id = %s AND state = 'RECEIVED' RETURNING provider"""

_SWEEP = """
UPDATE webhook_events SET next_attempt_at = %s WHERE id IN (
    SELECT id FROM webhook_events WHERE state = 'RECEIVED' AND next_attempt_at <= %s
    ORDER BY next_attempt_at LIMIT %s FOR UPDATE SKIP LOCKED
) RETURNING id"""
