"""Stored webhooks: how far each came, as operators and metrics see it, and how a parked one is tried again."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
import peewee
from prometheus_client import Counter, Histogram

from db.connection import query
from db.transactions import atomic
from services import clock, jobs
from services.errors import Conflict, NotFound, ServiceError
from services.gateways.payments.interface import MalformedEvent
from services.pages import Page, cut, decode_cursor
from services.purchases import PaymentMismatch

LEASE_S = 15
"""How long an attempt of its own has before the sweeper believes that it died."""

SETTLING_S = 3
"""How long a new event has to be taken by a batch, and a batch to lock what it took; then the sweeper asks."""

FINAL = (PaymentMismatch, MalformedEvent, ServiceError, peewee.IntegrityError)
"""Why an event is parked at once: trying again would not help."""

SETTLED = Counter("astrotv_webhooks_settled_total", "Webhooks by the state they ended in", ["provider", "state"])
LAG = Histogram("astrotv_webhook_lag_seconds", "From receiving a webhook to settling it", ["provider"])


class State(StrEnum):
    """How far an event came."""

    RECEIVED = "RECEIVED"
    PROCESSED = "PROCESSED"
    IGNORED = "IGNORED"
    FAILED = "FAILED"


class WebhookEventView(msgspec.Struct, frozen=True, rename="camel"):
    """A stored webhook; `error` says why it was ignored, postponed or parked."""

    id: UUID
    provider: str
    event_id: str
    kind: str
    state: State
    attempts: int
    error: str
    request_id: str
    received_at: datetime
    processed_at: datetime | None


def webhook_events(state: State | None, limit: int, cursor: str | None) -> Page[WebhookEventView]:
    """The events in one state, or in any, newest first."""
    (before,) = decode_cursor(cursor, tuple[UUID]) if cursor else (UUID(int=2**128 - 1),)
    wanted = {"state": state, "before": before, "limit": limit + 1}
    rows = query(_NEWEST.format("" if state is None else "state = %(state)s AND"), wanted)
    return cut(rows, limit, _view, lambda row: (row[0],))


def replay(event_id: UUID) -> None:
    """Process a parked event again; raises NotFound, and Conflict for one in another state."""
    with atomic():
        if not query("SELECT 1 FROM webhook_events WHERE id = %s", (event_id,)):
            raise NotFound("No such webhook event.")
        if not query(_UNPARK, (after(LEASE_S), event_id)):
            raise Conflict("Only an event that has failed can be replayed.", "not_parked")
        jobs.enqueue(jobs.PROCESS_WEBHOOK, event_id=event_id)


def count(provider: str, state: State, received_at: datetime) -> None:
    """Note in the metrics that an event came to its end."""
    SETTLED.labels(provider, state).inc()
    if state is not State.FAILED:
        LAG.labels(provider).observe(max(0.0, (clock.now() - received_at).total_seconds()))


def refusal(error: BaseException) -> str:
    """An error as it stands in a parked event."""
    return f"{type(error).__name__}: {error}"[:1000]


def after(seconds: float) -> datetime:
    """The time in so many seconds."""
    return clock.now() + timedelta(seconds=seconds)


def _view(row: tuple[Any, ...]) -> WebhookEventView:
    event_id, provider, name, kind, state, *rest = row
    return WebhookEventView(event_id, provider, name, kind, State(state), *rest)


_NEWEST = """
SELECT id, provider, event_id, kind, state, attempts, error, request_id, received_at, processed_at
FROM webhook_events WHERE {} id < %(before)s ORDER BY id DESC LIMIT %(limit)s"""

_UNPARK = """
UPDATE webhook_events SET state = 'RECEIVED', attempts = 0, error = '', next_attempt_at = %s
WHERE id = %s AND state = 'FAILED' RETURNING id"""
