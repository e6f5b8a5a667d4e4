"""What a worker has taken and not acknowledged is kept under its name, and goes back to its queue when it dies.

Celery on Redis keeps what all workers have taken in one place that does not say whose it is, and gives
it out again when even the longest job would be over: half a day later. Here each worker has a place of
its own and a lease that it renews; the others look after each other, and who is gone for a few looks
has died. One that was only slow has its jobs run twice, which every job bears.
"""

import threading
from collections import Counter
from typing import cast

import celery
import redis
import structlog

from services import outbox
from services.bus import bus
from services.ids import new_id
from services.leases import Lease
from services.queues import UNACKED_KEY, WORKERS_KEY

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 1.0
LEASE_TTL_S = 4.0
#: So many looks in a row find no lease before a worker counts as dead: Redis may have been the one that slept.
LOOKS = 3

AWAY = (redis.RedisError, OSError)


class Custody:
    """One worker's name, and its eye on the others."""

    def __init__(self, app: celery.Celery) -> None:
        self.name = new_id().hex
        self._app = app
        self._lease = Lease(f"worker:{self.name}", self.name, LEASE_TTL_S)
        self._missed: Counter[str] = Counter()
        self._known = self._redis_was_away = False
        self.over = threading.Event()
        app.conf.broker_transport_options = _options(app, self.name)

    def sign_in(self) -> None:
        """Be known before anything is taken."""
        try:
            self._look()
        except AWAY as error:
            log.warning("custody_waits", error=str(error))

    def begin(self) -> None:
        """Let a thread look around, every second until `over`."""
        threading.Thread(target=self._keep, name="custody", daemon=True).start()

    def _keep(self) -> None:
        while not self.over.wait(LOOK_EVERY_S):
            try:
                if self._look() or self._redis_was_away:
                    outbox.sweep(settling_time_s=0)
                self._redis_was_away = False
            except AWAY as error:
                log.warning("custody_waits", error=str(error))
                self._redis_was_away = True
            except Exception:  # the outermost loop of its thread
                log.exception("custody_failed")

    def _look(self) -> bool:
        """Say that we live, and see who else does; returns whether Redis had forgotten us, and so perhaps jobs."""
        forgotten = bool(bus.redis.sadd(WORKERS_KEY, self.name)) and self._known
        self._known = True
        self._lease.acquire()
        for name in workers() - {self.name}:
            self._missed[name] = 0 if bus.redis.exists(f"lease:worker:{name}") else self._missed[name] + 1
            if self._missed[name] >= LOOKS:
                give_back(self._app, name)
                del self._missed[name]
        return forgotten


def workers() -> set[str]:
    """The names of all workers that live, or died and were not noticed yet."""
    return {name.decode() for name in cast(set[bytes], bus.redis.smembers(WORKERS_KEY))}


def give_back(app: celery.Celery, name: str) -> None:
    """Put what a dead worker had taken back at the head of its queues. Two who do it at once do it once."""
    with app.connection_for_write() as connection:
        connection.transport_options = _options(app, name)
        channel = connection.default_channel
        tags = [tag.decode() for tag in cast(list[bytes], bus.redis.hkeys(UNACKED_KEY + name))]
        for tag in tags:
            channel.qos.restore_by_tag(tag, leftmost=False)
    bus.redis.srem(WORKERS_KEY, name)
    if tags:
        log.warning("jobs_of_a_dead_worker_given_back", worker=name, jobs=len(tags))


def _options(app: celery.Celery, name: str) -> dict[str, object]:
    keys = {
        "unacked_key": UNACKED_KEY + name,
        "unacked_index_key": f"unacked_index:{name}",
        "unacked_mutex_key": f"unacked_mutex:{name}",
    }
    return app.conf.broker_transport_options | keys
