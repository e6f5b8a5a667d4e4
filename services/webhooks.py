"""What providers tell us: verified, stored before it is answered, settled by a job exactly once."""

import random
from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

import peewee
import structlog
from prometheus_client import Counter

from db.connection import acting_as_system, query
from db.models.webhook_events import WebhookEvent
from db.transactions import after_commit, atomic
from services import (
    clock,
    jobs,
    sandbox_deliveries,
    sandbox_sessions,
    sandbox_subscriptions,
    wake_ups,
    webhook_effects,
)
from services.bus import bus
from services.errors import Invalid, Unavailable
from services.gateways.payments.interface import BadSignature, MalformedEvent, SignedEvent
from services.ids import new_id
from services.payment_providers import payment_providers
from services.purchases import NotYet
from services.refusals import translating
from services.tracing import current_request_id
from services.webhook_events import FINAL, LEASE_S, SETTLING_S, State, after, count, refusal

log = structlog.get_logger(__name__)

MOST_ATTEMPTS = 12
LONGEST_BACKOFF_S = 300
MOST_JITTER = 1.5
SWEEP_BATCH = 500
#: What the columns of an event's name and kind hold.
LONGEST_ID, LONGEST_KIND = 255, 120

REFUSED = Counter("astrotv_webhooks_refused_total", "Webhooks with a bad signature or shape", ["provider"])
RECEIVED = Counter("astrotv_webhooks_received_total", "Webhooks stored for the first time", ["provider"])

PASSING = (NotYet, Unavailable, peewee.OperationalError, peewee.InterfaceError)


def receive(provider_name: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Store a signed event and wake a worker to settle it; one that was seen before changes nothing.

    Of a kind that is unknown here it is stored as ignored. Raises Invalid("bad_signature") or
    Invalid("malformed_event"), and then stores nothing.
    """
    signed = _verified(provider_name, body, headers)
    keep(provider_name, signed, body.decode(), is_handled=payment_providers.named(provider_name).handles(signed.kind))


@acting_as_system("what a provider signed")
def keep(provider_name: str, signed: SignedEvent, payload: str, *, is_handled: bool) -> None:
    """Store an event whose signature is good, once, and wake a worker if it is of a kind handled.

    Raises Invalid("malformed_event") where its name or its kind could not be kept.
    """
    if not _is_name(signed.event_id, LONGEST_ID) or not _is_name(signed.kind, LONGEST_KIND):
        raise Invalid("The event cannot be read.", "malformed_event")
    state = State.RECEIVED if is_handled else State.IGNORED
    if not _is_stored(provider_name, signed, payload, state):
        return
    RECEIVED.labels(provider_name).inc()
    if is_handled:
        after_commit(lambda: wake_ups.wake(jobs.SETTLE_WEBHOOKS))


def process(event_id: UUID) -> None:
    """Settle one stored event by itself, in one transaction with its effect; again, it does nothing.

    Raises Unavailable where it should be tried later. An event that cannot be settled, or was
    tried too often, is parked as FAILED.
    """
    attempt = _claimed(event_id)
    if attempt is None:
        return
    try:
        with translating(webhook_effects.REFUSALS), atomic():
            _settle(event_id)
    except PASSING as error:
        _postpone_or_park(event_id, attempt, error)
    except FINAL as error:
        _park(event_id, error)


def sweep() -> int:
    """Ask again for events for which nobody was woken, whose worker died, or whose time has come.

    Returns how many had been tried: each of these is asked for alone.
    """
    now = clock.now()
    if query(_FORGOTTEN, {"now": now}):
        wake_ups.wake(jobs.SETTLE_WEBHOOKS)
    with atomic():
        due = query(_SWEEP, {"now": now, "again": now + timedelta(seconds=LEASE_S), "most": SWEEP_BATCH})
        for (event_id,) in due:
            jobs.enqueue(jobs.PROCESS_WEBHOOK, event_id=event_id)
    return len(due)


def sweep_sandbox() -> None:
    """The same for what the payment sandbox was to send, to close or to charge."""
    sandbox_deliveries.sweep()
    if bus.settings.payment_sandbox:
        sandbox_sessions.close_overdue()
        sandbox_subscriptions.charge_due()


def _verified(provider_name: str, body: bytes, headers: Mapping[str, str]) -> SignedEvent:
    provider = payment_providers.named(provider_name)
    try:
        signed = provider.verify(body, headers)
        body.decode()
    except BadSignature as error:
        _refused(provider_name, error)
        raise Invalid("The signature is not valid.", "bad_signature") from error
    except (MalformedEvent, UnicodeDecodeError) as error:
        _refused(provider_name, error)
        raise Invalid("The event cannot be read.", "malformed_event") from error
    return signed


def _is_name(text: str, longest: int) -> bool:
    return 0 < len(text) <= longest and text.isprintable()


def _refused(provider_name: str, error: Exception) -> None:
    REFUSED.labels(provider_name).inc()
    log.warning("webhook_refused", provider=provider_name, reason=type(error).__name__)


def _is_stored(provider_name: str, signed: SignedEvent, payload: str, state: State) -> bool:
    """Whether it is stored now; False where the event was known."""
    rows = query(
        _STORE,
        (
            new_id(),
            provider_name,
            signed.event_id,
            signed.kind,
            payload,
            current_request_id(),
            state,
            clock.now(),
            clock.now() if state is State.IGNORED else None,
            after(SETTLING_S),
        ),
    )
    return bool(rows)


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
    settlement = webhook_effects.settle(event.provider, event.payload)
    state = State.PROCESSED if settlement.changed else State.IGNORED
    event.state, event.error, event.processed_at = state, settlement.note, clock.now()
    event.save()
    after_commit(lambda: count(event.provider, state, event.received_at))


def _postpone_or_park(event_id: UUID, attempt: int, error: Exception) -> None:
    if attempt >= MOST_ATTEMPTS:
        _park(event_id, error)
        return
    wait_s = _backoff_s(attempt)
    query(_POSTPONE, (after(wait_s), str(error)[:1000], event_id))
    raise Unavailable(f"The webhook waits: {error}", retry_after_s=wait_s) from error


def _park(event_id: UUID, error: Exception) -> None:
    log.error("webhook_parked", webhook_event=str(event_id), error=str(error))
    for provider, received_at in query(_PARK, (refusal(error), event_id)):
        count(provider, State.FAILED, received_at)


def _backoff_s(attempt: int) -> float:
    """1, 2, 4 … 300 seconds, each up to half more, so that retries do not march in step."""
    return min(2.0 ** (attempt - 1), LONGEST_BACKOFF_S) * random.uniform(1, MOST_JITTER)  # noqa: S311 - not a secret


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
WHERE id = %s AND state = 'RECEIVED' RETURNING provider, received_at"""

# What lies further ahead than anything is put off was put off before the clock went back.
_IS_DUE = f"""(next_attempt_at <= %(now)s OR next_attempt_at > %(now)s + make_interval(
    secs => {LEASE_S} + {MOST_JITTER} * least({LONGEST_BACKOFF_S}, 2.0 ^ (attempts - 1))))"""

_FORGOTTEN = f"""
SELECT 1 FROM webhook_events WHERE state = 'RECEIVED' AND attempts = 0 AND {_IS_DUE} LIMIT 1"""  # noqa: S608

# What is locked is being settled.
_SWEEP = f"""
WITH due AS MATERIALIZED (
    SELECT id FROM webhook_events WHERE state = 'RECEIVED' AND attempts > 0 AND {_IS_DUE}
    ORDER BY next_attempt_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
UPDATE webhook_events e SET next_attempt_at = %(again)s FROM due WHERE e.id = due.id RETURNING e.id"""  # noqa: S608
