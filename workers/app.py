"""The Celery app of the workers, beat and Flower, and how a job becomes a task."""

import os
from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from time import perf_counter
from typing import Any, TypeVar
from uuid import UUID

import celery
import peewee
import structlog
from celery import signals
from celery.exceptions import Retry, WorkerLostError

import bootstrap
import settings as configuration
from db.connection import close_database, connection
from logs import configure_logs
from services import dead_letters, job_metrics, outbox, throttle
from services.errors import Unavailable
from services.jobs import LONGEST_JOB_S, Job
from services.tracing import with_request_id
from workers import broker, farewell
from workers.custody import Custody

log = structlog.get_logger(__name__)

TASK_MODULES = (
    "workers.accounts",
    "workers.analytics",
    "workers.housekeeping",
    "workers.mail",
    "workers.media",
    "workers.notifications",
    "workers.posts",
    "workers.streams",
    "workers.subscriptions",
    "workers.webhooks",
)
#: A job that takes its worker with it is given to so many others before it is given up.
MOST_DEATHS = 10
#: What may pass: the database or a provider was away, or two transactions met.
PASSING = (peewee.OperationalError, peewee.InterfaceError, Unavailable, ConnectionError, TimeoutError)

broker.read_with_care()
farewell.prepare()
app = celery.Celery("astrotv", config_source="celeryconfig", include=TASK_MODULES)

F = TypeVar("F", bound=Callable[..., Any])


def task(job: Job, *, retries: int = 8, runs_for_hours: bool = False, **options: Any) -> Callable[[F], F]:
    """Make a function the task of `job`.

    It runs under the request id of its cause, gives its connection back, retries with backoff
    and jitter what may pass, and leaves a dead letter when it gives up. One that `runs_for_hours`
    borrows a connection only while it needs it, and may take as long as the queue allows.
    """

    def register(function: F) -> F:
        @wraps(function)
        def run(self: celery.Task, **arguments: Any) -> None:
            with with_request_id(_request_id(self)), nullcontext() if runs_for_hours else connection():
                if runs_for_hours or not _is_deadly(self, arguments):
                    _attempt(self, function, arguments)

        if runs_for_hours:
            options.update(soft_time_limit=LONGEST_JOB_S, time_limit=LONGEST_JOB_S)
        app.task(name=job.name, bind=True, max_retries=retries, **options)(run)
        return function

    return register


def _attempt(task: celery.Task, function: Callable[..., Any], arguments: dict[str, Any]) -> None:
    structlog.contextvars.bind_contextvars(job=task.name)
    started, outcome = perf_counter(), "failed"
    try:
        function(**arguments)
        _settle(task)
        outcome = "done"
        log.info("job_done")
    except PASSING as error:
        outcome = "retried"
        log.warning("job_will_retry", error=str(error), attempt=task.request.retries)
        _retry(task, error, arguments)
    except Retry:
        outcome = "retried"
        raise
    except Exception as error:
        log.exception("job_failed")
        _bury(task, error, arguments)
        raise
    finally:
        job_metrics.record(task.name, outcome, perf_counter() - started)


def _retry(task: celery.Task, error: Exception, arguments: dict[str, Any]) -> None:
    if task.request.retries >= (task.max_retries or 0):
        _bury(task, error, arguments)
        raise error
    wait_s = celery.utils.time.get_exponential_backoff_interval(1, task.request.retries, 300, full_jitter=True)
    least_s = error.retry_after_s if isinstance(error, Unavailable) else 1
    raise task.retry(exc=error, countdown=max(least_s, wait_s))


def _bury(task: celery.Task, error: Exception, arguments: dict[str, Any]) -> None:
    try:
        dead_letters.record(task.name, arguments, str(error) or repr(error), task.request.retries + 1)
        _settle(task)
    except peewee.PeeweeException:
        log.exception("dead_letter_lost")


def _settle(task: celery.Task) -> None:
    """Nobody has to ask for this job again."""
    outbox.done(UUID(task.request.id))


def _is_deadly(task: celery.Task, arguments: dict[str, Any]) -> bool:
    """Whether worker after worker died over this job; it is then given up, or it would end them all."""
    if not task.request.delivery_info.get("redelivered"):
        return False
    if throttle.hit(f"{MOST_DEATHS}/day", "deaths", task.request.id).allowed:
        return False
    log.error("job_kills_workers", job=task.name)
    _bury(task, WorkerLostError(f"{MOST_DEATHS} workers died over it"), arguments)
    return True


def _request_id(task: celery.Task) -> str:
    headers = getattr(task.request, "headers", None) or {}
    return str(getattr(task.request, "request_id", None) or headers.get("request_id") or "")


@signals.setup_logging.connect
def _logs(**_: Any) -> None:
    configure_logs("worker", configuration.load(os.environ))


@signals.worker_process_init.connect
def _open_child(**_: Any) -> None:
    bootstrap.start("worker", pool_size=4)


@signals.worker_init.connect
def _open_parent(sender: Any, **_: Any) -> None:
    bootstrap.start("worker")
    if sender.app.conf.broker_url.startswith("redis"):  # other brokers notice themselves that a worker died
        sender.custody = Custody(sender.app)
        sender.custody.sign_in()


@signals.worker_ready.connect
def _keep_custody(sender: Any, **_: Any) -> None:
    if hasattr(sender.controller, "custody"):
        sender.controller.custody.begin()


@signals.worker_shutdown.connect
def _end_custody(sender: Any, **_: Any) -> None:
    if hasattr(sender, "custody"):
        sender.custody.over.set()


@signals.worker_process_shutdown.connect
def _close_child(**_: Any) -> None:
    close_database()
