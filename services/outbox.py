"""Jobs and events on their way out: rows of the same transaction, sent right after its commit.

What could not be sent then stays in the table until the sweeper sends it, and a job's row stays
until a worker has done the job: a broker that lost its memory is told again. So nothing leaves
before the commit, and nothing committed is forgotten; a thing may be sent twice.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import peewee
import redis
import structlog

from db.connection import acting_as_system, query
from db.models.outbox import OutboxRow
from db.transactions import atomic
from services import clock, queues
from services.bus import JobMessage, bus
from services.ids import new_id
from services.tracing import current_request_id

log = structlog.get_logger(__name__)

SETTLING_TIME_S = 5
SWEEP_BATCH = 500
MOST_LOOKED_FOR = 10_000

Away = (redis.RedisError, OSError)


class OutboxEffect(msgspec.Struct, frozen=True):
    """One job or event as a row will hold it, and the request that led to it."""

    kind: str
    name: str
    payload: dict[str, object]
    request_id: str = msgspec.field(default_factory=current_request_id)


class _Outgoing(msgspec.Struct, frozen=True):
    id: UUID
    effect: OutboxEffect
    request_id: str


class Outbox:
    """The sink that transactions emit to."""

    @acting_as_system("what leaves after the commit")
    def store(self, effects: Sequence[OutboxEffect]) -> Callable[[], None]:
        """Write the effects as rows; returns what sends them after the commit."""
        going = [_Outgoing(new_id(), effect, effect.request_id) for effect in effects]
        OutboxRow.insert_many([_row(item) for item in going]).execute()
        return lambda: self._send_now(going)

    def _send_now(self, going: list[_Outgoing]) -> None:
        sent = _send(going)
        try:
            _note(sent)
        except (peewee.OperationalError, peewee.InterfaceError) as error:
            log.warning("outbox_repeats", rows=len(sent), error=str(error))


outbox = Outbox()


def sweep(settling_time_s: float = SETTLING_TIME_S) -> int:
    """Send what an earlier attempt left behind, and jobs that the broker lost; returns how many rows went out.

    Two sweepers share the work: each locks the rows that it takes. What was written later than now was written
    before the clock went back, and has settled as well.
    """
    settling = clock.now() - timedelta(seconds=settling_time_s), clock.now() + timedelta(seconds=settling_time_s)
    return _sweep(~OutboxRow.created_at.between(*settling) & OutboxRow.sent_at.is_null()) + _resend_lost(*settling)


def _resend_lost(since: datetime, until: datetime) -> int:
    """Send again the jobs that were not sent in that time, are not done, and that the broker does not hold."""
    unfinished = {row[0] for row in query(_UNFINISHED, (since, until, MOST_LOOKED_FOR))}
    held = queues.held_jobs() if unfinished else None
    lost = [] if held is None else sorted(unfinished - held)[:SWEEP_BATCH]
    if not lost:
        return 0
    log.warning("jobs_lost_by_the_broker", jobs=len(lost))
    return _sweep(OutboxRow.id.in_(lost))


_UNFINISHED = "SELECT id FROM outbox WHERE sent_at NOT BETWEEN %s AND %s ORDER BY id LIMIT %s"


def done(job_id: UUID) -> None:
    """Forget a job that was done, or given up."""
    OutboxRow.delete().where(OutboxRow.id == job_id).execute()


def _sweep(which: peewee.Expression) -> int:
    with atomic():
        rows = OutboxRow.select().where(which).order_by(OutboxRow.id).limit(SWEEP_BATCH).for_update(skip_locked=True)
        sent = _send([_Outgoing(row.id, OutboxEffect(row.kind, row.name, row.payload), row.request_id) for row in rows])
        _note(sent)
    return len(sent)


@acting_as_system("what leaves after the commit")
def _note(sent: list[_Outgoing]) -> None:
    """Remember what was sent: events are done with, jobs wait for their worker."""
    events = [item.id for item in sent if item.effect.kind != "job"]
    jobs = [item.id for item in sent if item.effect.kind == "job"]
    if events:
        OutboxRow.delete().where(OutboxRow.id.in_(events)).execute()
    if jobs:
        OutboxRow.update(sent_at=clock.now()).where(OutboxRow.id.in_(jobs)).execute()


def _row(item: _Outgoing) -> dict[str, object]:
    return {
        "id": item.id,
        "kind": item.effect.kind,
        "name": item.effect.name,
        "payload": item.effect.payload,
        "request_id": item.request_id,
    }


def _send(going: list[_Outgoing]) -> list[_Outgoing]:
    sent: list[_Outgoing] = []
    for item in going:
        try:
            _SENDERS[item.effect.kind](item)
        except Away as error:
            log.warning("outbox_waits", name=item.effect.name, error=str(error), left=len(going) - len(sent))
            break
        sent.append(item)
    return sent


def _send_job(item: _Outgoing) -> None:
    payload = item.effect.payload
    bus.send_job(
        JobMessage(
            id=item.id,
            name=item.effect.name,
            queue=str(payload["queue"]),
            arguments=msgspec.convert(payload["arguments"], dict[str, object]),
            request_id=item.request_id,
        )
    )


def _send_event(item: _Outgoing) -> None:
    head = f"0 {item.request_id}".rstrip().encode()  # no message: not in a room's order
    body = head + b"\n" + msgspec.json.encode(item.effect.payload["body"])
    pipeline = bus.redis.pipeline(transaction=False)
    for topic in msgspec.convert(item.effect.payload["topics"], list[str]):
        pipeline.publish(topic, body)
    pipeline.execute()


_SENDERS: dict[str, Callable[[_Outgoing], None]] = {"job": _send_job, "event": _send_event}
