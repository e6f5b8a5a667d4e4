"""Bring a database to the newest schema while it is used: numbered SQL files, applied once each, in order.

A statement that changes a table waits for everybody who uses it, and everybody else then waits behind it. So none
waits for long: a migration that does not get its locks within two seconds is taken back whole and tried again, and
requests pass in between. docs/migrations.md says how a migration is written.
"""

import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg2
import psycopg2.errors
from yoyo import get_backend, read_migrations

FOLDER = Path(__file__).parent / "migrations"
LOCK_TIMEOUT_MS = 2000
ATTEMPTS = 60
PAUSE_S = (0.2, 1.0)
_CONTRACTS = re.compile(r"^-- contracts: ", re.MULTILINE)
_TURN = "SELECT pg_advisory_lock(hashtext('astrotv.migrations'))"


class TablesInUse(psycopg2.OperationalError):
    """A migration never got its locks; says which, and for how long it tried."""


def migrate(url: str, folder: Path = FOLDER, *, contracts: bool = True) -> list[str]:
    """Apply what is missing, as the owner of the schema; returns the ids applied. Raises TablesInUse.

    Two processes that migrate at once take turns. One that dies gives its turn back. Without `contracts` what
    takes something from the release before waits, unless the database is empty.
    """
    with _turn(url), _connected(url, LOCK_TIMEOUT_MS) as hasty, _connected(url, 0) as patient:
        all_ = read_migrations(str(folder))
        found = list(hasty.to_apply(all_))
        if not contracts and len(found) < len(all_):
            found = [migration for migration in found if not _contracts(migration)]
        for migration in found:
            _insist(_waiting_as_it_may(migration, hasty, patient).apply_one, migration)
        return [str(migration.id) for migration in found]


def roll_back(url: str, last_kept: str, folder: Path = FOLDER) -> list[str]:
    """Take back, newest first, every migration after `last_kept`, with the data that it made room for.

    Returns the ids taken back. Raises ValueError for an id that is no migration of this database, and TablesInUse.
    """
    with _turn(url), _connected(url, LOCK_TIMEOUT_MS) as hasty, _connected(url, 0) as patient:
        found = list(hasty.to_rollback(read_migrations(str(folder))))
        ids = [str(migration.id) for migration in found]
        if last_kept not in ids:
            raise ValueError(f"{last_kept} is not among what has been applied: {', '.join(reversed(ids))}")
        undone = found[: ids.index(last_kept)]
        for migration in undone:
            _insist(_waiting_as_it_may(migration, hasty, patient).rollback_one, migration)
        return [str(migration.id) for migration in undone]


class Pending(NamedTuple):
    """The ids of migrations that a database has not seen: those that the code needs, and those that only contract."""

    needed: list[str]
    contracting: list[str]


def pending(url: str, folder: Path = FOLDER) -> Pending:
    """What the database has not seen yet."""
    found = Pending([], [])
    with _connected(url, LOCK_TIMEOUT_MS) as backend:
        for migration in backend.to_apply(read_migrations(str(folder))):
            (found.contracting if _contracts(migration) else found.needed).append(str(migration.id))
    return found


def _contracts(migration: Any) -> bool:
    """Whether it takes away what the release before still uses, and says so."""
    return bool(_CONTRACTS.search(Path(migration.path).read_text()))


def _waiting_as_it_may(migration: Any, hasty: Any, patient: Any) -> Any:
    """What runs outside of a transaction (CREATE INDEX CONCURRENTLY) holds nobody up while it waits."""
    migration.load()
    return hasty if migration.use_transactions else patient


def _insist(apply: Callable[[Any], None], migration: Any) -> None:
    for _ in range(ATTEMPTS):
        try:
            apply(migration)
        except psycopg2.errors.LockNotAvailable:
            time.sleep(random.uniform(*PAUSE_S))  # noqa: S311 - spreads tries, keeps no secret
        else:
            return
    raise TablesInUse(f"{migration.id}: its tables were not free for {LOCK_TIMEOUT_MS} ms in {ATTEMPTS} tries")


@contextmanager
def _turn(url: str) -> Iterator[None]:
    """Hold, on a connection of its own, the lock that only one migrating process has."""
    with closing(psycopg2.connect(_plain(url))) as connection:
        connection.autocommit = True
        connection.cursor().execute(_TURN)
        yield


@contextmanager
def _connected(url: str, lock_timeout_ms: int) -> Iterator[Any]:
    plain = _plain(url)
    mark = "&" if "?" in plain else "?"
    with get_backend(f"{plain}{mark}options=-c%20lock_timeout%3D{lock_timeout_ms}") as backend:
        yield backend


def _plain(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"postgresql://{rest}" if scheme == "postgres" else url
