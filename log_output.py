"""Where lines of the log go: to standard output, and to whoever else listens."""

import atexit
import logging
import threading
from collections import deque
from collections.abc import Sequence
from time import sleep
from typing import TextIO

GATHERED_FOR_S = 0.05
MOST_GATHERED = 1_000


class Line(str):
    """A line that is finished, and only to be written."""

    __slots__ = ()


class Output(logging.StreamHandler[TextIO]):
    """Writes lines that are finished as they are, and records as a handler does, in the order in which they came.

    Where it gathers, lines that nobody waits for are written together, a twentieth of a second later at the
    most, before whatever is urgent, and at the end of the process: a write lets another thread go first. A process
    that is killed takes what it had gathered with it.
    """

    def __init__(self, stream: TextIO, others: Sequence[logging.Handler] = ()) -> None:
        super().__init__(stream)
        self._others = others
        self._gathered: deque[str] = deque()
        self._some: threading.Event | None = None

    def gather(self) -> None:
        """Gather from now on; for a process that answers many, once it has forked for the last time."""
        self._some = threading.Event()
        threading.Thread(target=self._write_now_and_then, args=(self._some,), name="log-lines", daemon=True).start()
        atexit.register(self._write_gathered)

    def tell(self, line: str, *, urgent: bool) -> None:
        """Take a line; raises nothing, since no work ends for what cannot be said of it."""
        for other in self._others:
            other.handle(logging.makeLogRecord({"msg": Line(line)}))
        some = self._some
        self._gathered.append(line)
        if some is None or urgent or len(self._gathered) >= MOST_GATHERED:
            self._write_gathered()
        elif not some.is_set():
            some.set()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, behind the lines that came before it."""
        self._write_gathered()
        super().emit(record)

    def _write_now_and_then(self, some: threading.Event) -> None:
        while some.wait():
            sleep(GATHERED_FOR_S)
            some.clear()
            self._write_gathered()

    def _write_gathered(self) -> None:
        self.acquire()
        try:
            lines = [self._gathered.popleft() for _ in range(len(self._gathered))]
            if lines:
                self.stream.write("\n".join(lines) + "\n")
                self.stream.flush()
        except Exception:  # noqa: BLE001 - as every handler does: told on standard error
            self.handleError(logging.makeLogRecord({"msg": "lines of the log could not be written"}))
        finally:
            self.release()
