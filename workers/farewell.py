"""A worker that was told to end ends, also where its broker has gone before it."""

import os
import sys
import threading
from datetime import UTC, datetime
from typing import Any

import msgspec
import psutil
import structlog
from celery import signals
from celery.apps import worker as celery_worker
from celery.worker import heartbeat

log = structlog.get_logger(__name__)

#: So long a worker that drops its work (SIGQUIT, or whoever started it was killed) may take.
PATIENCE_S = 15.0


class Heart(heartbeat.Heart):
    """Says to Flower that the worker lives, where somebody listens.

    The library's says it again until the broker is there, with the lock in its hand that the end of the worker
    waits for: who lost the broker first would wait for ever. The next beat is two seconds away.
    """

    def _send(self, event: str, retry: bool = False) -> Any:
        return super()._send(event, retry=False)


def prepare() -> None:
    """Let the workers of this process end so."""
    heartbeat.Heart = Heart
    celery_worker.safe_say = _say
    signals.worker_shutting_down.connect(_hurry)


def _say(message: str, _file: Any = None) -> None:
    """What Celery says in the midst of a signal: a line like the others, written without any lock that logging has."""
    if message := message.strip():
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        line = {"event": message, "level": "info", "logger": "celery.apps.worker", "timestamp": at, "process": "worker"}
        os.write(sys.stdout.fileno(), msgspec.json.encode(line) + b"\n")


def _hurry(how: str, **_: Any) -> None:
    if how == "Cold":
        timer = threading.Timer(PATIENCE_S, _end)
        timer.daemon = True
        timer.start()


def _end() -> None:
    """Whatever still hangs is ended by force; what was not acknowledged is given back by the other workers."""
    log.error("worker_hangs", seconds=PATIENCE_S)
    for child in psutil.Process().children(recursive=True):
        child.kill()
    os._exit(1)
