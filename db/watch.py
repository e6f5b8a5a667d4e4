"""Statements in flight, watched from outside: a server that is frozen keeps no timeout of its own.

libpq waits for an answer without a limit, and a stopped server, or a network that swallows packets,
never sends one. One thread a process looks at the statements that are under way. Where one takes
long it asks the server for a new connection: one that is merely busy gives it, and the statement
may go on to its own limit; from one that does not, every line is hung up, so that whoever waits has
an error at once, and nobody else begins to wait until the server is heard again.
"""

import os
import socket
import threading
from threading import get_ident
from time import monotonic
from typing import Any, NamedTuple

import peewee
import psycopg2
import psycopg2.extensions
import structlog

from db.slow_queries import slow_queries

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 0.5
#: So long a statement may take before somebody asks whether the server still lives.
PATIENCE_S = 2.0
#: How long a new connection may take; libpq counts in whole seconds.
CONNECT_TIMEOUT_S = 3
#: A line is given up so long after the statement's own limit has passed in vain.
GRACE_S = 5.0


class Flight(NamedTuple):
    """A statement under way: since when (monotonic seconds), and on which line."""

    since: float
    line: "psycopg2.extensions.connection"


class Watch:
    """What is under way in this process, and whether the server answers at all."""

    def __init__(self) -> None:
        self.silent = False
        self._flights: dict[int, Flight] = {}
        self._landing = threading.Lock()
        self._ended, self._process = threading.Event(), os.getpid()
        self._url, self._limit_s = "", 0.0

    def start(self, url: str, statement_timeout_s: float) -> None:
        """Look after the statements sent to this server from now on; a thread does it."""
        self.stop()
        self._ended, self._process = threading.Event(), os.getpid()
        self._flights, self._landing = {}, threading.Lock()
        self._url, self._limit_s = url, statement_timeout_s + GRACE_S
        threading.Thread(target=self._look_on, args=(self._ended,), name="database-watch", daemon=True).start()

    def stop(self) -> None:
        """Look no more. A forked child has not inherited the thread, and leaves its locks alone."""
        if self._process == os.getpid():
            self._ended.set()
        self.silent = False

    def check(self) -> None:
        """Raise OperationalError while the server is known to answer nobody."""
        if self.silent:
            raise peewee.OperationalError("the database does not answer")

    def took_off(self, line: "psycopg2.extensions.connection") -> float:
        """Note that this thread sends a statement on a line; returns when."""
        since = monotonic()
        self._flights[get_ident()] = Flight(since, line)
        return since

    def landed(self) -> None:
        """Note that this thread has its answer."""
        with self._landing:
            self._flights.pop(get_ident(), None)

    def _look_on(self, ended: threading.Event) -> None:
        due_at = 0.0
        while not ended.wait(LOOK_EVERY_S):
            overdue = self._older_than(PATIENCE_S)
            if self.silent or (overdue and monotonic() >= due_at):
                self._judge(overdue)
                due_at = monotonic() + PATIENCE_S

    def _judge(self, overdue: dict[int, Flight]) -> None:
        answers = _answers(self._url)
        if answers == self.silent:
            log.warning("database_answers" if answers else "database_silent", statements=len(overdue))
        self.silent = not answers
        for thread, flight in (self._older_than(self._limit_s) if answers else overdue).items():
            self._hang_up(thread, flight)

    def _older_than(self, age_s: float) -> dict[int, Flight]:
        before = monotonic() - age_s
        return {thread: flight for thread, flight in self._flights.copy().items() if flight.since < before}

    def _hang_up(self, thread: int, flight: Flight) -> None:
        """End the line's socket under the statement that waits on it, which then fails."""
        with self._landing:
            if self._flights.get(thread) is not flight or flight.line.closed:
                return
            with socket.socket(fileno=os.dup(flight.line.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)


watch = Watch()


class WatchedCursor(psycopg2.extensions.cursor):
    """A cursor whose statements are watched, and heard of where they were slow."""

    def execute(self, query: Any, vars: Any = None) -> None:
        watch.check()
        since = watch.took_off(self.connection)
        try:
            super().execute(query, vars)
        except psycopg2.DatabaseError as error:
            if is_of_the_line(error):
                raise psycopg2.OperationalError(*error.args) from error
            raise
        finally:
            watch.landed()
            slow_queries.note(self, query, monotonic() - since, vars)


def is_of_the_line(error: psycopg2.DatabaseError) -> bool:
    """Whether psycopg2 names no kind, since the server never answered: the line broke before libpq had noticed."""
    return type(error) is psycopg2.DatabaseError and error.pgcode is None


def _answers(url: str) -> bool:
    """Whether the server gives a new connection, or a reason why not, in time."""
    began_at = monotonic()
    try:
        psycopg2.connect(url, connect_timeout=CONNECT_TIMEOUT_S, application_name="astrotv-watch").close()
    except psycopg2.OperationalError:
        return monotonic() - began_at < CONNECT_TIMEOUT_S * 0.9
    return True
