"""Runs the processes of a stack: prints their lines, restarts those that die, stops them in order."""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import IO

from honcho.colour import get_colours
from honcho.printer import Message, Printer

from embedded import child
from operations.procfile import ProcfileEntry
from operations.project import ROOT

TICK_S = 0.2
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 1.0, 30.0
STEADY_AFTER_S = 60.0
STOP_PATIENCE_S = 10.0
READ_SIZE = 65536


class Supervised:
    """One process of the Procfile through all its lives."""

    def __init__(self, entry: ProcfileEntry, colour: str) -> None:
        self.entry = entry
        self.colour = colour
        self.popen: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.due_at = 0.0
        self.backoff_s = FIRST_BACKOFF_S
        self.unfinished = b""

    @property
    def running(self) -> bool:
        return self.popen is not None and self.popen.poll() is None

    def start(self, environ: Mapping[str, str], now: float) -> IO[bytes]:
        """Start it; returns its output, not blocking. Raises OSError when it cannot be run."""
        farewell = signal.SIGQUIT if self.entry.is_worker else signal.SIGTERM
        self.popen = child.spawn(
            self.entry.command, output=subprocess.PIPE, environ=environ, folder=ROOT, farewell=farewell
        )
        self.started_at = now
        if self.popen.stdout is None:
            raise OSError("no output")
        os.set_blocking(self.popen.stdout.fileno(), False)
        return self.popen.stdout

    def bury(self, now: float) -> int:
        """Note its death; returns its exit code. It is due again after a growing pause."""
        if self.popen is None:
            return 0
        child.kill_session(self.popen)
        code = self.popen.returncode
        self.popen = None
        if now - self.started_at > STEADY_AFTER_S:
            self.backoff_s = FIRST_BACKOFF_S
        self.due_at = now + self.backoff_s
        self.backoff_s = min(self.backoff_s * 2, LONGEST_BACKOFF_S)
        return code


class Supervisor:
    """All processes of a stack in one loop of one thread."""

    def __init__(self, entries: Iterable[ProcfileEntry], environ: Mapping[str, str]) -> None:
        colours = get_colours()
        self._supervised = [Supervised(entry, next(colours)) for entry in entries]
        self._environ = dict(environ)
        self._selector = selectors.DefaultSelector()
        self._printer = Printer(sys.stdout, width=max(len(one.entry.name) for one in self._supervised))

    def start(self, later: Collection[str] = (), pause_s: float = 0) -> None:
        """Start every process; those named `later` after a pause, so that the others are quicker."""
        for one in self._supervised:
            if one.entry.name in later:
                one.due_at = time.monotonic() + pause_s
            else:
                self._start(one)

    def run(self, until: Callable[[], bool]) -> None:
        """Print lines and restart the dead until `until` says stop; it is asked every 0.2 s."""
        while not until():
            self._pump(TICK_S)
            self._revive()

    def stop(self) -> None:
        """Stop the servers and the clock first, so that no work comes; the workers after them."""
        self._stop([one for one in self._supervised if not one.entry.is_worker])
        self._stop([one for one in self._supervised if one.entry.is_worker])
        self._selector.close()

    def say(self, text: str) -> None:
        """Print a line of our own among those of the processes."""
        self._print("system", None, text.encode())

    def _start(self, one: Supervised) -> None:
        try:
            output = one.start(self._environ, time.monotonic())
        except OSError as error:
            self.say(f"{one.entry.name} cannot be started: {error}")
            one.bury(time.monotonic())
            one.due_at = time.monotonic() + one.backoff_s
            return
        self._selector.register(output, selectors.EVENT_READ, one)

    def _revive(self) -> None:
        now = time.monotonic()
        for one in self._supervised:
            if one.popen is not None and not one.running:
                self._drain(one)
                code = one.bury(now)
                self.say(f"{one.entry.name} ended with {code}; starting it again in {one.due_at - now:.0f} s")
            if one.popen is None and now >= one.due_at:
                self._start(one)

    def _stop(self, group: list[Supervised]) -> None:
        for one in group:
            if one.popen is not None and one.running:
                one.popen.send_signal(signal.SIGTERM)
        self._wait_for(group, STOP_PATIENCE_S)
        self._insist([one for one in group if one.running])
        for one in group:
            if one.popen is not None:
                self._drain(one)
                child.kill_session(one.popen)
                one.popen = None

    def _insist(self, stubborn: list[Supervised]) -> None:
        """A worker that does not come to an end gives its tasks back when asked by SIGQUIT."""
        for one in stubborn:
            if one.popen is not None:
                self.say(f"{one.entry.name} is still busy; it is told to drop its work")
                one.popen.send_signal(signal.SIGQUIT)
        self._wait_for(stubborn, STOP_PATIENCE_S / 2)

    def _wait_for(self, group: list[Supervised], patience_s: float) -> None:
        deadline = time.monotonic() + patience_s
        while any(one.running for one in group) and time.monotonic() < deadline:
            self._pump(TICK_S / 4)

    def _pump(self, timeout_s: float) -> None:
        for key, _ in self._selector.select(timeout_s):
            self._read(key.data)

    def _drain(self, one: Supervised) -> None:
        """Print what a dead process has left in its pipe, and let go of the pipe."""
        while self._read(one):
            pass
        if one.unfinished:
            self._print(one.entry.name, one.colour, one.unfinished)
            one.unfinished = b""
        if one.popen is not None and one.popen.stdout is not None and not one.popen.stdout.closed:
            self._close(one.popen.stdout)

    def _read(self, one: Supervised) -> bool:
        """Print what a process has said since; False when there is nothing more for now."""
        output = one.popen.stdout if one.popen is not None else None
        if output is None or output.closed:
            return False
        try:
            data = os.read(output.fileno(), READ_SIZE)
        except BlockingIOError:
            return False
        if not data:
            self._close(output)
            return False
        lines, _, one.unfinished = (one.unfinished + data).rpartition(b"\n")
        if lines:
            self._print(one.entry.name, one.colour, lines)
        return True

    def _close(self, output: IO[bytes]) -> None:
        self._selector.unregister(output)
        output.close()

    def _print(self, name: str, colour: str | None, lines: bytes) -> None:
        with suppress(OSError):  # where the lines go may be full; nothing ends for that
            self._printer.write(Message("line", lines, datetime.now().astimezone(), name, colour))
