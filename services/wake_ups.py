"""Waking a worker for work that a table remembers: one job is asked for, however much comes to wait.

Such work needs no row of the outbox: its own row is what a sweeper finds where nobody was woken,
because the broker was away or a worker died. So whoever stores work says `wake` after the commit,
and the job says `rest` before it looks a last time.
"""

import redis
import structlog

from services.bus import JobMessage, bus
from services.ids import new_id
from services.jobs import Job
from services.tracing import current_request_id

log = structlog.get_logger(__name__)

#: After this long nobody is believed to be coming.
AWAKE_FOR_S = 5


def wake(job: Job) -> None:
    """Ask for `job` unless somebody is on the way to it; where the broker is away, the sweeper will."""
    try:
        if bus.redis.set(_key(job), 1, nx=True, px=AWAKE_FOR_S * 1000):
            bus.send_job(JobMessage(new_id(), job.name, job.queue, {}, current_request_id()))
    except (redis.RedisError, OSError) as error:
        log.warning("nobody_woken", job=job.name, error=str(error))


def rest(job: Job) -> None:
    """Have the next one who stores work wake somebody again; what was stored before must be looked for after."""
    try:
        bus.redis.delete(_key(job))
    except redis.RedisError as error:
        log.warning("still_thought_awake", job=job.name, error=str(error))


def _key(job: Job) -> str:
    return f"awake:{job.name}"
