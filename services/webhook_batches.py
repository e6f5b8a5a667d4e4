"""Webhooks settled together: one transaction for what waits, a savepoint for each event.

The faster events come, the more of them share a job, a commit and the rows around it. An event that
cannot be settled among others is handed to a job of its own (`webhooks.process`), which may try it
later or park it. One whose worker was killed is left to the sweeper, which asks for it alone too: no
event harms its neighbours twice. That a worker lives is seen by the locks that its batch holds: they
go with its connection, and the sweeper passes over what is locked.
"""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

import msgspec
import peewee
import structlog
from prometheus_client import Histogram

from db.connection import query
from db.transactions import atomic
from services import clock, jobs, wake_ups, webhook_effects
from services.errors import Unavailable
from services.purchases import NotYet
from services.refusals import translating
from services.tracing import with_request_id
from services.webhook_events import FINAL, SETTLING_S, State, after, count, refusal

log = structlog.get_logger(__name__)

BATCH = 20
MOST_BATCHES = 50

SIZE = Histogram("astrotv_webhook_batch_size", "Events settled by one transaction", buckets=(1, 2, 5, 10, BATCH))


class _Waiting(msgspec.Struct, frozen=True):
    id: UUID
    provider: str
    payload: str
    request_id: str
    received_at: datetime


class _Outcome(msgspec.Struct, frozen=True):
    event: _Waiting
    state: State
    note: str


def settle_waiting(most_batches: int = MOST_BATCHES) -> None:
    """Settle the events that nobody has tried yet, oldest first, until none waits; of very many, ask for more time."""
    for ids in _batches(most_batches):
        _settle_together(ids)


def _batches(most: int) -> Iterator[list[UUID]]:
    """What waits, batch by batch; whoever stores an event after the last look wakes a worker again."""
    for _ in range(most):
        batch = _claimed()
        if batch:
            yield batch
        if len(batch) < BATCH:
            wake_ups.rest(jobs.SETTLE_WEBHOOKS)
            batch = _claimed()
            if not batch:
                return
            yield batch
    wake_ups.rest(jobs.SETTLE_WEBHOOKS)
    wake_ups.wake(jobs.SETTLE_WEBHOOKS)


def _claimed() -> list[UUID]:
    """Count an attempt before making it, so that one that kills its worker counts too."""
    return [event_id for (event_id,) in query(_CLAIM, {"most": BATCH, "until": after(SETTLING_S)})]


def _settle_together(ids: list[UUID]) -> None:
    try:
        outcomes = _settled(ids)
    except (peewee.DatabaseError, peewee.InterfaceError) as error:
        log.warning("webhooks_parted", events=len(ids), error=str(error))
        _hand_over(ids)
        return
    SIZE.observe(len(ids))
    for outcome in outcomes:
        count(outcome.event.provider, outcome.state, outcome.event.received_at)


def _settled(ids: list[UUID]) -> list[_Outcome]:
    """Settle what is still open of these events, in one transaction with its effects."""
    with atomic():
        waiting = [_Waiting(*row) for row in query(_OPEN, (ids,))]
        query(_ONE_AFTER_ANOTHER)
        outcomes = [outcome for event in waiting if (outcome := _outcome(event))]
        if outcomes:
            query(_MARK, (clock.now(), *_columns(outcomes)))
    return outcomes


def _outcome(event: _Waiting) -> _Outcome | None:
    """What became of one event, under the id of its own request; None where it needs a job of its own."""
    with with_request_id(event.request_id):
        try:
            with translating(webhook_effects.REFUSALS), atomic():
                settlement = webhook_effects.settle(event.provider, event.payload)
        except (NotYet, Unavailable):
            _hand_over([event.id])
            return None
        except FINAL as error:
            log.error("webhook_parked", webhook_event=str(event.id), error=str(error))
            return _Outcome(event, State.FAILED, refusal(error))
    return _Outcome(event, State.PROCESSED if settlement.changed else State.IGNORED, settlement.note)


def _hand_over(ids: list[UUID]) -> None:
    with atomic():
        for event_id in ids:
            jobs.enqueue(jobs.PROCESS_WEBHOOK, event_id=event_id)


def _columns(outcomes: list[_Outcome]) -> tuple[list[UUID], list[str], list[str]]:
    return (
        [outcome.event.id for outcome in outcomes],
        [str(outcome.state) for outcome in outcomes],
        [outcome.note for outcome in outcomes],
    )


# The rows are picked by a statement of their own: a join may ask a subquery with a limit more than once.
_CLAIM = """
WITH waiting AS MATERIALIZED (
    SELECT id FROM webhook_events WHERE state = 'RECEIVED' AND attempts = 0
    ORDER BY next_attempt_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
UPDATE webhook_events e SET attempts = 1, next_attempt_at = %(until)s FROM waiting WHERE e.id = waiting.id
RETURNING e.id"""

# Two batches at once would meet at the same wallets in different orders.
_ONE_AFTER_ANOTHER = "SELECT pg_advisory_xact_lock(hashtext('webhooks'))"

_OPEN = """
SELECT id, provider, payload, request_id, received_at FROM webhook_events
WHERE id = ANY(%s::uuid[]) AND state = 'RECEIVED' ORDER BY id FOR UPDATE"""

_MARK = """
UPDATE webhook_events e SET state = t.state, error = t.note,
       processed_at = CASE WHEN t.state <> 'FAILED' THEN %s::timestamptz END
FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS t (id, state, note) WHERE e.id = t.id"""
