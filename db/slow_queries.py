"""Statements that took long, in the log: which, how long, for which request; in development with their plan.

What was asked for is told without its values, which may be anybody's secrets. The plan is asked for
afterwards and elsewhere, by EXPLAIN, which runs nothing, in a transaction that may not write and is
rolled back: it costs neither the request nor its transaction anything.
"""

import contextvars
import threading
from typing import Any

import psycopg2
import psycopg2.extensions
import structlog

from db.introduction import parted
from db.prepared import Call

log = structlog.get_logger(__name__)

PLANNED = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")
LONGEST_TOLD = 2000
LONGEST_PLAN = 8000


class SlowQueries:
    """What counts as slow, and where plans are asked for."""

    def __init__(self) -> None:
        self._threshold_s = float("inf")
        self._connect: dict[str, Any] | None = None
        self._one_at_a_time = threading.Semaphore()

    def listen(self, threshold_ms: float, *, plans: dict[str, Any] | None = None) -> None:
        """Log what takes `threshold_ms` or longer (0: nothing); `plans` says how to connect for plans."""
        self._threshold_s = threshold_ms / 1000 if threshold_ms else float("inf")
        self._connect = plans

    def note(self, cursor: psycopg2.extensions.cursor, sql: Any, took_s: float, parameters: Any = None) -> None:
        """Hear of a statement that has ended; of a prepared one as if it had not been."""
        if took_s < self._threshold_s:
            return
        plain = sql.plain if isinstance(sql, Call) else str(sql)
        introduction, statement = parted(plain)
        sent = cursor.mogrify(plain, parameters) if isinstance(sql, Call) else cursor.query
        filled = parted((sent or b"").decode(errors="replace"))[1]
        about = {"ms": round(took_s * 1000, 1), "statement": " ".join(statement.split())[:LONGEST_TOLD]}
        if self._connect is None or not filled.startswith(PLANNED) or not self._one_at_a_time.acquire(blocking=False):
            log.warning("slow_query", **about)
            return
        tell = contextvars.copy_context().run
        threading.Thread(target=tell, args=(self._tell, introduction, filled, about), daemon=True).start()

    def _tell(self, introduction: str, filled: str, about: dict[str, Any]) -> None:
        try:
            plan = _plan(self._connect or {}, introduction, filled)
        except psycopg2.Error as error:
            plan = f"none: {error}".strip()
        finally:
            self._one_at_a_time.release()
        log.warning("slow_query", **about, plan=plan[:LONGEST_PLAN])


slow_queries = SlowQueries()


def _plan(connect: dict[str, Any], introduction: str, statement: str) -> str:
    connection = psycopg2.connect(**connect)
    try:
        connection.set_session(readonly=True)
        with connection.cursor() as cursor:
            cursor.execute(f"{introduction}; EXPLAIN {statement}" if introduction else f"EXPLAIN {statement}")
            return "\n".join(str(row[0]) for row in cursor.fetchall())
    finally:
        connection.close()
