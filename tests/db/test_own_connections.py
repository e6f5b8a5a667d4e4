"""Threads that keep their connections: one each, a living one, and outside of any transaction."""

import threading
from collections.abc import Callable

import msgspec
import psycopg2
import pytest

import bootstrap
from db.connection import connection, database, query
from db.watch import is_of_the_line
from settings import Settings
from tests.fakes import FakeJobs


@pytest.fixture(autouse=True)
def _own(committed_db: Settings) -> None:
    bootstrap.open_stores(committed_db, pool_size=2, jobs=FakeJobs(), threads_own=True)


def asked() -> int:
    """The server's process that answers this thread within one request."""
    with connection(kept=True):
        return int(query("SELECT pg_backend_pid()")[0][0])


def elsewhere(act: Callable[[], int]) -> int:
    """What comes of it in a thread that ends afterwards."""
    found: list[int] = []

    def run() -> None:
        found.append(act())
        with connection():
            database.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(30)
    return found[0]


def test_a_thread_keeps_its_connection_and_another_has_its_own() -> None:
    mine = asked()
    assert asked() == mine
    assert elsewhere(asked) != mine
    assert asked() == mine


def test_what_asks_outside_of_a_request_gives_back_what_it_borrowed() -> None:
    assert query("SELECT 1") == [(1,)]
    assert database.is_closed()
    asked()
    assert not database.is_closed()


def test_a_connection_that_was_ended_meanwhile_is_left_for_another(committed_db: Settings) -> None:
    mine = asked()
    other = psycopg2.connect(committed_db.database_owner_url)
    try:
        other.cursor().execute("SELECT pg_terminate_backend(%s, 5000)", (mine,))
    finally:
        other.close()
    assert asked() != mine


def test_a_transaction_that_somebody_left_open_ends_with_its_request() -> None:
    with connection(kept=True):
        database.connection().cursor().execute("BEGIN; SELECT set_config('astrotv.left', 'open', true)")
    with connection(kept=True):
        assert query("SELECT current_setting('astrotv.left', true)") in ([("",)], [(None,)])
        assert query("SELECT pg_current_xact_id_if_assigned(), now() = statement_timestamp()") == [(None, True)]


def test_a_request_whose_connection_died_in_its_transaction_keeps_its_own_outcome(committed_db: Settings) -> None:
    other = psycopg2.connect(committed_db.database_owner_url)
    try:
        with connection(kept=True):
            line = database.connection()
            with pytest.raises(psycopg2.errors.DivisionByZero):
                line.cursor().execute("BEGIN; SELECT 1 / 0")
            other.cursor().execute("SELECT pg_terminate_backend(%s, 5000)", (line.info.backend_pid,))
    finally:
        other.close()
    assert database.is_closed()
    assert asked() > 0


def test_an_error_of_no_kind_is_the_lines_and_one_of_the_servers_is_not() -> None:
    assert is_of_the_line(psycopg2.DatabaseError("server closed the connection unexpectedly"))
    with connection(kept=True), pytest.raises(psycopg2.DatabaseError) as found:
        database.connection().cursor().execute("SELECT 1 / 0")
    assert not is_of_the_line(found.value)


def test_the_api_does_so_where_there_are_enough(committed_db: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "configure_logs", lambda *_: None)
    for threads, keep in ((2, True), (3, False)):
        bootstrap.start("api", msgspec.structs.replace(committed_db, api_threads=threads), pool_size=2)
        assert database.is_threads_own is keep
    bootstrap.start("realtime", committed_db, pool_size=300)
    assert not database.is_threads_own
