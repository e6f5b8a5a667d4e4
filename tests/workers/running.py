"""A worker of one queue as a process of its own, and what it says."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.stack import ROOT, until

SOON_S = 60.0


class RunningWorker:
    """The process and its lines."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self._process, self._log = process, log

    def lines(self, word: str) -> list[str]:
        """What it has said so far with that word in it."""
        return [line for line in self._log.read_text(errors="replace").splitlines() if word in line]

    def wait_to_say(self, word: str) -> None:
        """Wait until it has said it; fails where the worker ends instead."""

        def said() -> bool:
            assert self.is_alive(), self.lines("")[-5:]
            return bool(self.lines(word))

        until(said, SOON_S, lambda: self.lines("")[-5:])

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait_for_its_end(self, limit_s: float) -> None:
        """Raises subprocess.TimeoutExpired where it takes longer."""
        self._process.wait(limit_s)


@contextmanager
def running_worker(queue: str, environment: Mapping[str, str], log: Path) -> Iterator[RunningWorker]:
    """A worker with one child, which is ended with the block."""
    command = [sys.executable, "-m", "celery", "--quiet", "--app", "workers.app", "worker", "--queues", queue]
    command += ["--concurrency", "1", "--without-mingle", "--without-gossip", "--hostname", f"{log.stem}@test"]
    told = os.environ | dict(environment) | {"LOG_LEVEL": "info", "LOG_FORMAT": "json"}
    told["PYTHONWARNINGS"] = "ignore:You're running the worker with superuser"  # as `manage.py up` does
    with log.open("wb") as lines:
        process = subprocess.Popen(command, cwd=ROOT, env=told, stdout=lines, stderr=lines, start_new_session=True)
    try:
        yield RunningWorker(process, log)
    finally:
        process.terminate()
        try:
            process.wait(SOON_S / 2)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
