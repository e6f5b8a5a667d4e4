"""The one database of the process: a pool of PostgreSQL connections, one a thread at a time."""

import functools
import re
import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, cast

import peewee
import psycopg2.extensions
import structlog
from playhouse.pool import PooledPostgresqlDatabase

from db.introduction import introduction
from db.prepared import MOST, Call, Line, executing, is_outdated, new_name, preparing
from db.slow_queries import slow_queries
from db.uuids import read_uuids
from db.watch import CONNECT_TIMEOUT_S, WatchedCursor, watch

log = structlog.get_logger(__name__)

APPLICATION_ROLE = "astrotv_app"
SYSTEM_ROLE = "system"
STATEMENT_TIMEOUT_S = 30
ANONYMOUS_ROLE = "anonymous"
_PLAIN = re.compile(r"[a-z0-9-]*")
_REASON = re.compile(r"[a-z ,'-]{1,80}")


class _Acting(NamedTuple):
    """On whose behalf statements run; `reason` says why the platform itself does."""

    user_id: str
    role: str
    reason: str = ""


NOBODY = _Acting("", ANONYMOUS_ROLE)

_actor: ContextVar[_Acting | None] = ContextVar("database_actor", default=None)


class _Told(threading.local):
    """Whom the server knows to act in the transaction of this thread."""

    actor: _Acting | None = None


_told = _Told()


class AstroDatabase(PooledPostgresqlDatabase):
    """PostgreSQL with the acting person told to every transaction, and dead connections left out."""

    #: Whether a thread keeps its connection from one request to the next; in a process with as many as threads.
    is_threads_own = False
    #: Who acts where nobody is named. It may do least, unless the process is one of ours that serves nobody.
    unnamed = NOBODY

    def connect(self, reuse_if_open: bool = False) -> Any:
        """Borrow a connection; raises OperationalError at once where the server is known to be silent."""
        watch.check()
        return super().connect(reuse_if_open)

    def begin(self, isolation_level: Any = None) -> None:
        """Open a transaction and say who acts in it, in one round trip."""
        actor = _actor.get() or self.unnamed
        super().execute_sql("BEGIN; " + introduction(*actor))
        _told.actor = actor

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        """Run a statement, saying first who acts where the server does not know: in one round trip."""
        if sql.startswith("ROLLBACK TO"):
            _told.actor = None  # what was said since the savepoint is forgotten with it
            return super().execute_sql(sql, params)
        actor = _actor.get() or self.unnamed
        if not self.in_transaction():
            sql = _introduced(actor, sql)
        elif _told.actor != actor:
            sql, _told.actor = _introduced(actor, sql), actor
        return super().execute_sql(sql, params)

    def _connect(self) -> Any:
        watch.check()  # somebody may have found out while we waited in line
        return super()._connect()

    def execute_prepared(self, sql: str, parameters: Any = None) -> Any:
        """Run a statement by its plan on this connection, which is made where there is none yet."""
        line: Line = self.connection()
        name = line.prepared.get(sql)
        if name is not None:
            try:
                return self.execute_sql(executing(name, sql), parameters)
            except peewee.PeeweeException as error:
                if not is_outdated(error):
                    raise
                line.prepared.pop(sql, None)
                if self.in_transaction():
                    raise
                return self.execute_sql(sql, parameters)
        if len(line.prepared) >= MOST:
            return self.execute_sql(sql, parameters)
        name = new_name()
        first = Call(preparing(name, sql) + executing(name, sql), sql)
        cursor = self.execute_sql(first, parameters)
        line.prepared[sql] = name
        return cursor

    def _is_closed(self, conn: Any) -> bool:
        """Whether a connection of the pool is gone, found out without asking the server, as the pool would."""
        return bool(conn.closed) or _hung_up(conn)


database = AstroDatabase(None)


def open_database(
    url: str,
    *,
    pool_size: int,
    role: str | None = APPLICATION_ROLE,
    acts_as: str = ANONYMOUS_ROLE,
    slow_query_ms: int = 0,
    explains: bool = False,
    threads_own: bool = False,
) -> None:
    """Point the process at a database (a libpq URL); connects lazily.

    `role` is the database's role that each connection takes; None keeps the one that the URL signs in
    with. `acts_as` is who acts, for row-level security, where nobody is named. Statements of
    `slow_query_ms` or longer (0: none) are logged, with their plan where it `explains`. With
    `threads_own` connections are the threads' own: for a process in which no more threads answer than `pool_size`.
    """
    database.is_threads_own = threads_own
    database.unnamed = _named("", acts_as)
    if not database.deferred:
        database.close_all()  # a pool keeps no connection to where the process pointed before
    read_uuids()
    options = f"-c timezone=UTC -c statement_timeout={STATEMENT_TIMEOUT_S}s -c idle_in_transaction_session_timeout=60s"
    # For many short statements on flash storage: else the planner reads small tables whole for one page
    # of a list, and spends more on starting parallel workers and a compiler than they save.
    options += " -c random_page_cost=1.1 -c max_parallel_workers_per_gather=0 -c jit=off"
    if role is not None:
        options += f" -c role={role}"
    database.init(
        _libpq(url),
        max_connections=pool_size,
        timeout=5,
        options=options,
        connect_timeout=CONNECT_TIMEOUT_S,
        application_name="astrotv",
        cursor_factory=WatchedCursor,
        connection_factory=Line,
    )
    slow_queries.listen(slow_query_ms, plans={"dsn": _libpq(url), "options": options} if explains else None)
    watch.start(_libpq(url), STATEMENT_TIMEOUT_S)


def close_database() -> None:
    """Close every connection of the pool."""
    watch.stop()
    database.close_all()


class _Keeping(threading.local):
    """Whether this thread keeps its connection from one statement to the next."""

    on = False


_keeping = _Keeping()


class _Held:
    """A block in which this thread may use a connection; a class, since there are several in each request."""

    __slots__ = ("_is_ours", "_is_own", "_kept", "_kept_before")

    def __init__(self, kept: bool) -> None:
        self._kept, self._is_own = kept, kept and database.is_threads_own
        self._is_ours = self._kept_before = False

    def __enter__(self) -> AstroDatabase:
        if self._is_own and not _keeping.on:
            _leave_dead()
        self._kept_before = _keeping.on
        self._is_ours = not self._kept_before and (self._is_own or database.is_closed())
        _keeping.on = self._kept or self._kept_before
        return database

    def __exit__(self, *_: object) -> None:
        _keeping.on = self._kept_before
        if self._is_ours and not database.is_closed() and not (self._is_own and _is_idle()):
            _give_back()


def connection(*, kept: bool = False) -> _Held:
    """Give back, at the end of the outermost block, the connection that this thread came to use.

    A connection is only borrowed by the first statement. Every call that a process makes into
    the services happens inside such a block, or the pool would lose one a thread. Without `kept` a block
    inside, such as each `query`, gives back what it borrowed; with it that waits for this block's end,
    or, where connections are the threads' own, for good: only one that has died meanwhile is left then.
    """
    return _Held(kept)


def _leave_dead() -> None:
    """Part from this thread's connection if it was ended while nobody used it."""
    if not database.is_closed() and database._is_closed(database.connection()):
        _give_back()


def _give_back() -> None:
    """Return this thread's connection; where it died in its transaction the pool has let go of it, which is no news."""
    try:
        database.close()
    except peewee.PeeweeException as error:
        if not database.is_closed():
            raise
        log.warning("connection_lost", error=str(error).strip())


def _is_idle() -> bool:
    """Whether this thread's connection is outside of any transaction; the pool sees to one that is not."""
    status = database.connection().get_transaction_status()
    return bool(status == psycopg2.extensions.TRANSACTION_STATUS_IDLE)


def release() -> None:
    """Give this thread's connection back before a long wait for somebody outside.

    The next statement borrows one again. Does nothing inside a transaction.
    """
    if not database.is_closed() and not database.in_transaction():
        database.close()


@contextmanager
def acting_as(user_id: str, role: str) -> Iterator[None]:
    """Name the person whom row-level security sees in the statements inside."""
    token = _actor.set(_named(user_id, role))
    try:
        yield
    finally:
        _actor.reset(token)


def acting_for(user_id: str, role: str) -> None:
    """The same for the rest of the current context, such as one request's."""
    _actor.set(_named(user_id, role))


@contextmanager
def acting_as_system(reason: str) -> Iterator[None]:
    """Act for the platform itself, whoever asked: around an effect that reaches beyond the one who asks.

    Also decorates a function (not a generator). `reason`, a few words in small letters, stands beside
    the statements in the server's log and in pg_stat_activity. Where the platform acts already, it goes on.
    """
    if not _REASON.fullmatch(reason):
        raise ValueError("a reason is a few words in small letters")
    before = _actor.get() or database.unnamed
    token = _actor.set(before if before.role == SYSTEM_ROLE else _Acting("", SYSTEM_ROLE, reason))
    try:
        yield
    finally:
        _actor.reset(token)


def query(sql: str, parameters: Any = None, *, prepared: bool = False) -> list[tuple[Any, ...]]:
    """Run one statement and fetch its rows as tuples; for hot lists and set-wise work.

    `prepared`: planned once for a connection; for statements that run all the time and whose text is
    one of a few.
    """
    with connection():
        run = database.execute_prepared if prepared else database.execute_sql
        cursor = run(sql, parameters)
        return cast(list[tuple[Any, ...]], cursor.fetchall()) if cursor.description else []


@functools.lru_cache(maxsize=4096)
def _named(user_id: str, role: str) -> _Acting:
    if not _PLAIN.fullmatch(user_id + role):
        raise ValueError("an actor is named by an id and a role")
    return _Acting(user_id, role)


def _introduced(actor: _Acting, sql: str) -> str:
    """The statement behind who acts; a call of a prepared one stays known as such."""
    if isinstance(sql, Call):
        return Call(sql, sql.statement, introduction(*actor))
    return introduction(*actor) + sql


def _libpq(url: str) -> str:
    return url.replace("postgres://", "postgresql://", 1)


def _hung_up(conn: Any) -> bool:
    """Whether the server has spoken on an idle connection: it says nothing there but good-bye."""
    poll = select.poll()
    poll.register(conn.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
    return bool(poll.poll(0))
