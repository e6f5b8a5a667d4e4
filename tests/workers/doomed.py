"""A process whose children are real Celery workers that die (SIGKILL) inside a task, where a test wants it.

`python -m tests.workers.doomed` reads orders from its standard input, one JSON object a line, and for
each forks a child that becomes a worker of one queue and one process. In the task it was told of, it
counts the statements that it sends to PostgreSQL and dies before the n-th; or, where it gets through
them all, when the task has returned and is not acknowledged. The answer, a line on standard output,
says which. A child with no task to die in lives until it is told to end. Everything is imported once,
so that each life costs hardly more than a fork.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from celery import signals

from db.connection import database
from db.watch import WatchedCursor
from tests.e2e.stack import ROOT
from workers.app import app

Death = Literal["inside", "after"]


class Doomed:
    """The process, as a test gives it orders."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def live(self, queue: str, task: str, die_before: int) -> Death:
        """A worker that dies in a task: `inside` it, before its n-th statement (from 0), or `after` it returned."""
        death: Death = self._order(queue=queue, task=task, die_before=die_before)
        return death

    @contextmanager
    def survivor(self, queue: str) -> Iterator[None]:
        """A worker that lives until the block ends."""
        pid = self._order(queue=queue)
        try:
            yield
        finally:
            self._order(end=pid)

    def _order(self, **order: Any) -> Any:
        assert self._process.stdin and self._process.stdout
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())


@contextmanager
def doomed(environment: Mapping[str, str], log: Path) -> Iterator[Doomed]:
    """The process, until the block ends; what its workers say is in the log."""
    command = [sys.executable, "-m", "tests.workers.doomed", str(log)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True) as process:
        yield Doomed(process)
        assert process.stdin
        process.stdin.close()


class _Fate:
    """Counts the statements of one task, and strikes before one of them."""

    def __init__(self, pipe: int, task: str, die_before: int) -> None:
        self._pipe, self._task, self._die_before = pipe, task, die_before
        self._taken: int | None = None

    def begin(self, task: Any, **_: Any) -> None:
        """The task begins."""
        self._taken = 0 if task.name == self._task else None

    def step(self) -> None:
        """The worker is about to send a statement."""
        if self._taken is None or threading.current_thread() is not threading.main_thread():
            return
        if self._taken >= self._die_before:
            self._strike("inside")
        self._taken += 1

    def end(self, **_: Any) -> None:
        """The task has returned."""
        if self._taken is not None:
            self._strike("after")

    def _strike(self, death: Death) -> None:
        os.write(self._pipe, death.encode())
        os.kill(os.getpid(), signal.SIGKILL)


def _serve(log: Path) -> None:
    app.loader.import_default_modules()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_carried_out(log, json.loads(line))) + "\n")
        sys.stdout.flush()


def _carried_out(log: Path, order: dict[str, Any]) -> Any:
    if "end" in order:
        os.kill(order["end"], signal.SIGKILL)
        return os.waitpid(order["end"], 0)[0]
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _become_worker(log, order, writing)
    os.close(writing)
    if "task" not in order:
        os.close(reading)
        return child
    with os.fdopen(reading) as pipe:
        death = pipe.read()
    os.waitpid(child, 0)
    assert death, f"the worker ended by itself; see {log}"
    return death


def _become_worker(log: Path, order: dict[str, Any], pipe: int) -> None:
    """Be the child; never returns."""
    try:
        said = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.dup2(said, 1)
        os.dup2(said, 2)
        if "task" in order:
            _doom(_Fate(pipe, order["task"], order["die_before"]))
        app.worker_main(
            ["worker", "--pool", "solo", "--queues", order["queue"], "--without-gossip", "--without-mingle"]
        )
    finally:
        os._exit(1)


def _doom(fate: _Fate) -> None:
    class DoomedCursor(WatchedCursor):
        def execute(self, query: Any, vars: Any = None) -> None:
            fate.step()
            super().execute(query, vars)

    def ready(**_: Any) -> None:
        database.connect_params["cursor_factory"] = DoomedCursor

    signals.worker_ready.connect(ready, weak=False)
    signals.task_prerun.connect(fate.begin, weak=False)
    signals.task_postrun.connect(fate.end, weak=False)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
