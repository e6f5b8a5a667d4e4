"""Stored webhooks as operators see them, and how one that was parked is tried again."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from db.connection import query
from db.transactions import atomic
from services import clock, jobs
from services.errors import Conflict, NotFound
from services.pages import Page, cut, decode_cursor

LEASE_S = 15
"""How long an attempt has before the sweeper believes that it died."""


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


def webhook_events(state: State, limit: int, cursor: str | None) -> Page[WebhookEventView]:
    """The events in one state, newest first."""
    (before,) = decode_cursor(cursor, tuple[UUID]) if cursor else (UUID(int=2**128 - 1),)
    rows = query(_IN_STATE, (state, before, limit + 1))
    return cut(rows, limit, _view, lambda row: (row[0],))


def replay(event_id: UUID) -> None:
    """Process a parked event again; raises NotFound, and Conflict for one in another state."""
    with atomic():
        if not query("SELECT 1 FROM webhook_events WHERE id = %s", (event_id,)):
            raise NotFound("No such webhook event.")
        if not query(_UNPARK, (after(LEASE_S), event_id)):
            raise Conflict("Only an event that has failed can be replayed.", "not_parked")
        jobs.enqueue(jobs.PROCESS_WEBHOOK, event_id=event_id)


def after(seconds: float) -> datetime:
    """The time in so many seconds."""
    return clock.now() + timedelta(seconds=seconds)


def _view(row: tuple[Any, ...]) -> WebhookEventView:
    event_id, provider, name, kind, state, *rest = row
    return WebhookEventView(event_id, provider, name, kind, State(state), *rest)


_IN_STATE = """
SELECT id, provider, event_id, kind, state, attempts, error, request_id, received_at, processed_at
FROM webhook_events WHERE state = %s AND id < %s ORDER BY id DESC LIMIT %s"""

_UNPARK = """
UPDATE webhook_events SET state = 'RECEIVED', attempts = 0, error = '', next_attempt_at = %s
WHERE id = %s AND state = 'FAILED' RETURNING id"""
