"""Put a process together: settings, logs, database, bus. Each entry point calls `start` once."""

import os
from functools import cached_property
from urllib.parse import urlsplit

import celery
import kombu.exceptions
import redis
import redis.exceptions

import settings as configuration
from db.connection import APPLICATION_ROLE, close_database, open_database
from logs import configure_logs
from services.bus import JobMessage, JobSender, bus
from settings import Settings

REDIS_TIMEOUT_S = 2


class CeleryJobs:
    """Sends jobs through Celery; fails at once where the broker is away, for the outbox to retry."""

    def __init__(self, app: celery.Celery) -> None:
        self._app = app

    def send(self, message: JobMessage) -> None:
        try:
            self._hasty_app.send_task(
                message.name,
                kwargs=message.arguments,
                queue=message.queue,
                task_id=str(message.id),
                headers={"request_id": message.request_id},
                retry=False,
            )
        except kombu.exceptions.OperationalError as error:
            raise ConnectionError(f"the job broker is away: {error}") from error

    @cached_property
    def _hasty_app(self) -> celery.Celery:
        """A worker waits long for its next job; whoever asks for one must not wait for a broker that hangs."""
        options = self._app.conf.broker_transport_options
        self._app.conf.broker_transport_options = options | {"socket_timeout": REDIS_TIMEOUT_S}
        return self._app


def start(process: str, settings: Settings | None = None, *, pool_size: int | None = None) -> Settings:
    """Open everything that `process` needs; raises SettingsError for a bad environment.

    `pool_size` is how many threads will use the database at once, where the process knows.
    """
    settings = settings or configuration.load(os.environ)
    configure_logs(process, settings)
    open_stores(settings, pool_size=pool_size)
    return settings


def open_stores(settings: Settings, *, pool_size: int | None = None, jobs: JobSender | None = None) -> None:
    """Point the database and the bus at their servers; connects when first used."""
    owner_signs_in = settings.database_owner_url == settings.database_url
    open_database(
        settings.database_url,
        pool_size=pool_size or settings.database_pool_size,
        role=APPLICATION_ROLE if owner_signs_in else None,
    )
    app = celery.Celery("astrotv", config_source="celeryconfig", set_as_current=False)
    bus.connect(settings, _redis(settings.redis_url), jobs or CeleryJobs(app))


def stop() -> None:
    """Close what `start` opened."""
    close_database()
    bus.redis.close()


def _redis(url: str) -> redis.Redis:
    known_unix = urlsplit(url).scheme == "unix"
    return redis.Redis.from_url(
        url,
        socket_timeout=REDIS_TIMEOUT_S,
        socket_connect_timeout=REDIS_TIMEOUT_S,
        health_check_interval=0 if known_unix else 25,
    )
