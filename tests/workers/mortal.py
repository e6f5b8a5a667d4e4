"""A process that does a job of money, says each step that it is about to take, and dies before a given one.

`python -m tests.workers.mortal` reads orders from its standard input, one JSON object a line, and for
each forks a child that carries it out. The child's steps are every statement that it sends to
PostgreSQL and every job that it sends to the broker. Told a step, it kills itself (SIGKILL) instead
of taking it. The answer, a line on standard output, holds the steps taken and whether it died.
"""

import json
import os
import re
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import msgspec
import psycopg2.extensions

import bootstrap
import settings as configuration
from db.connection import connection, database
from db.introduction import parted
from services import webhook_batches, webhooks
from services.bus import JobMessage, JobSender, bus
from settings import Settings

ACTS: Mapping[str, Callable[[dict[str, Any]], None]] = {
    "receive": lambda order: webhooks.receive(order["provider"], order["body"].encode(), order["headers"]),
    "settle": lambda order: webhook_batches.settle_waiting(),
    "process": lambda order: webhooks.process(UUID(order["event_id"])),
}


class Outcome(msgspec.Struct, frozen=True):
    """The steps that a child took, and whether it was killed before the next."""

    steps: list[str]
    died: bool


class Mortal:
    """The process, as a test gives it orders."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def do(self, act: str, *, die_before: int | None = None, **order: Any) -> Outcome:
        """Carry out an act in a child of its own, which dies before its n-th step (from 0)."""
        assert self._process.stdin and self._process.stdout
        print(json.dumps({"act": act, "die_before": die_before, **order}), file=self._process.stdin, flush=True)
        return msgspec.json.decode(self._process.stdout.readline(), type=Outcome)


@contextmanager
def mortal(settings: Settings) -> Iterator[Mortal]:
    """The process on the database of `settings`, until the block ends."""
    environment = os.environ | {
        "DATABASE_URL": settings.database_url,
        "DATABASE_OWNER_URL": settings.database_owner_url,
        "REDIS_URL": settings.redis_url,
        "DATA_DIR": str(settings.data_dir),
    }
    command = [sys.executable, "-m", "tests.workers.mortal"]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Mortal(process)
        assert process.stdin
        process.stdin.close()


class _Steps:
    """What the child is about to do, said through a pipe that outlives it."""

    def __init__(self, pipe: int, die_before: int | None) -> None:
        self._pipe, self._die_before, self._taken = pipe, die_before, 0

    def take(self, name: str) -> None:
        if self._taken == self._die_before:
            os.kill(os.getpid(), signal.SIGKILL)
        self._taken += 1
        os.write(self._pipe, f"{name}\n".encode())


def _serve() -> None:
    settings = configuration.load(os.environ)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_carried_out(settings, json.loads(line))) + "\n")
        sys.stdout.flush()


def _carried_out(settings: Settings, order: dict[str, Any]) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _live(settings, order, _Steps(writing, order["die_before"]))
    os.close(writing)
    with os.fdopen(reading) as pipe:
        steps = pipe.read().splitlines()
    _, status = os.waitpid(child, 0)
    died = os.WIFSIGNALED(status)
    assert died or os.WEXITSTATUS(status) == 0, f"the child failed after {steps}"
    return {"steps": steps, "died": died}


def _live(settings: Settings, order: dict[str, Any], steps: _Steps) -> None:
    """Be the child; never returns."""
    code = 1
    try:
        bootstrap.open_stores(settings, pool_size=2)
        bus.jobs = _MortalJobs(bus.jobs, steps)
        database.connect_params["cursor_factory"] = _cursor_of(steps)
        with connection():
            ACTS[order["act"]](order)
        code = 0
    finally:
        if code:
            traceback.print_exc()
        os._exit(code)


def _cursor_of(steps: _Steps) -> type[psycopg2.extensions.cursor]:
    class MortalCursor(psycopg2.extensions.cursor):
        def execute(self, query: Any, vars: Any = None) -> None:
            if query != "SELECT 1":  # a pool that asks whether a connection lives changes nothing
                steps.take(_named(str(query)))
            super().execute(query, vars)

    return MortalCursor


class _MortalJobs:
    """Sends jobs, each a step."""

    def __init__(self, jobs: JobSender, steps: _Steps) -> None:
        self._jobs, self._steps = jobs, steps

    def send(self, message: JobMessage) -> None:
        self._steps.take(f"SEND {message.name}")
        self._jobs.send(message)


def _named(statement: str) -> str:
    """A statement by its verb and its table: `INSERT webhook_events`."""
    plain = statement.replace('"', "").strip()
    if not plain.startswith("BEGIN"):
        plain = parted(plain)[1]  # behind who acts
    verb = re.split(r"[\s;]", plain, maxsplit=1)[0].upper()
    if verb in ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE"):
        return verb
    table = re.search(r"(?:FROM|INTO|UPDATE)\s+([a-z_]+)\b(?!\()", plain)
    return f"{verb} {table[1]}" if table else plain[:60]


if __name__ == "__main__":
    _serve()
