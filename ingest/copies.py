"""Several ingest processes that share RTMP's port: started together, started again one by one, stopped together."""

import os
import signal
import time
from collections.abc import Callable
from typing import Final

from services.gateways.leash import die_with

STOPPING: Final = (signal.SIGTERM, signal.SIGINT)
AGAIN_AFTER_S: Final = 1.0


def run_copies(count: int, serve: Callable[[int], int]) -> int:
    """Run `serve(number)` in a process each, numbers from 0, until told to stop; returns the exit status.

    A copy that is killed is started again; where one ends by itself, as for a port that is taken, all end.
    """
    return _Copies(count, serve).watch()


class _Copies:
    """The parent's side."""

    def __init__(self, count: int, serve: Callable[[int], int]) -> None:
        self._serve = serve
        self._stopping = False
        self._running: dict[int, int] = {}
        for signum in STOPPING:
            signal.signal(signum, self._stop)
        for number in range(count):
            self._start(number)

    def watch(self) -> int:
        """Wait for whatever ends."""
        status = 0
        while self._running:
            pid, code = os.wait()
            number, ended = self._running.pop(pid), os.waitstatus_to_exitcode(code)
            if ended < 0 and not self._stopping:
                time.sleep(AGAIN_AFTER_S)
                self._start(number)
            else:
                status = status or abs(ended)
                self._stop()
        return status

    def _start(self, number: int) -> None:
        parent = os.getpid()
        pid = os.fork()
        if pid:
            self._running[pid] = number
            if self._stopping:
                os.kill(pid, signal.SIGTERM)
            return
        for signum in STOPPING:
            signal.signal(signum, signal.SIG_DFL)
        die_with(parent)
        os._exit(self._serve(number))

    def _stop(self, *_: object) -> None:
        self._stopping = True
        for pid in self._running:
            os.kill(pid, signal.SIGTERM)
