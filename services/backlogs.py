"""How far behind we are with what others wait for: webhooks, the outbox, jobs that gave up."""

import msgspec
import peewee
from playhouse.pool import MaxConnectionsExceeded

from db.connection import acting_as_system, query

Away = (peewee.OperationalError, peewee.InterfaceError, MaxConnectionsExceeded)


class Backlog(msgspec.Struct, frozen=True):
    """Something that waits: how many, and since how many seconds the oldest of them does."""

    name: str
    waiting: int
    oldest_s: float


_BACKLOGS = """
SELECT 'webhooks', count(*), coalesce(extract(epoch FROM now() - min(received_at)), 0)::float8
FROM webhook_events WHERE state = 'RECEIVED'
UNION ALL SELECT 'webhooks_parked', count(*), coalesce(extract(epoch FROM now() - min(received_at)), 0)::float8
FROM webhook_events WHERE state = 'FAILED'
UNION ALL SELECT 'outbox', count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 FROM outbox
WHERE sent_at IS NULL
UNION ALL SELECT 'dead_letters', count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8
FROM dead_letters"""


def backlogs() -> list[Backlog]:
    """What waits at this moment, in one query; empty where the database is away."""
    try:
        with acting_as_system("figures over everybody"):
            return [Backlog(*row) for row in query(_BACKLOGS)]
    except Away:
        return []
