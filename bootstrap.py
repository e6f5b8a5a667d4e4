"""Put a process together: settings, logs, database, bus. Each entry point calls `start` once."""

import os
from functools import cached_property

import celery
import kombu.exceptions
import redis

import settings as configuration
from db.connection import ANONYMOUS_ROLE, APPLICATION_ROLE, SYSTEM_ROLE, close_database, open_database
from logs import configure_logs
from services.bus import JobMessage, JobSender, bus
from services.redis_line import TIMEOUT_S, Gate, open_redis
from settings import Settings

#: Processes in which nobody acts until somebody signed in; the others act for the platform.
SERVES_STRANGERS = frozenset({"api"})


class CeleryJobs:
    """Sends jobs through Celery; fails at once where the broker is away, for the outbox to retry."""

    def __init__(self, app: celery.Celery, gate: Gate) -> None:
        self._app, self._gate = app, gate

    def send(self, message: JobMessage) -> None:
        """Put a job on its queue; raises redis.ConnectionError or ConnectionError."""
        self._gate.check()
        try:
            self._send(message)
        except kombu.exceptions.OperationalError as error:
            if isinstance(error.__cause__, redis.TimeoutError):
                self._gate.shut()
            raise ConnectionError(f"the job broker is away: {error}") from error

    def _send(self, message: JobMessage) -> None:
        self._hasty_app.send_task(
            message.name,
            kwargs=message.arguments,
            queue=message.queue,
            task_id=str(message.id),
            headers={"request_id": message.request_id},
            retry=False,
        )

    @cached_property
    def _hasty_app(self) -> celery.Celery:
        """A worker waits long for its next job; whoever asks for one must not wait for a broker that hangs."""
        options = self._app.conf.broker_transport_options
        self._app.conf.broker_transport_options = options | {"socket_timeout": TIMEOUT_S}
        return self._app


def start(process: str, settings: Settings | None = None, *, pool_size: int | None = None) -> Settings:
    """Open everything that `process` needs; raises SettingsError for a bad environment.

    `pool_size` is how many threads will use the database at once, where the process knows.
    """
    settings = settings or configuration.load(os.environ)
    configure_logs(process, settings)
    if process in SERVES_STRANGERS:
        enough = (pool_size or settings.database_pool_size) >= settings.api_threads
        open_stores(settings, pool_size=pool_size, acts_as=ANONYMOUS_ROLE, threads_own=enough)
    else:
        open_stores(settings, pool_size=pool_size)
    return settings


def open_stores(
    settings: Settings,
    *,
    pool_size: int | None = None,
    jobs: JobSender | None = None,
    acts_as: str = SYSTEM_ROLE,
    threads_own: bool = False,
) -> None:
    """Point the database and the bus at their servers; connects when first used.

    `acts_as` is who acts, for row-level security, where nobody is named; with `threads_own` each thread that
    answers requests keeps its connection.
    """
    owner_signs_in = settings.database_owner_url == settings.database_url
    open_database(
        settings.database_url,
        pool_size=pool_size or settings.database_pool_size,
        role=APPLICATION_ROLE if owner_signs_in else None,
        acts_as=acts_as,
        slow_query_ms=settings.slow_query_ms,
        explains=not settings.production,
        threads_own=threads_own,
    )
    gate = Gate()
    app = celery.Celery("astrotv", config_source="celeryconfig", set_as_current=False)
    own_broker = settings.celery_broker_url != settings.redis_url
    bus.connect(settings, open_redis(settings.redis_url, gate), jobs or CeleryJobs(app, Gate() if own_broker else gate))


def stop() -> None:
    """Close what `start` opened."""
    close_database()
    bus.redis.close()
