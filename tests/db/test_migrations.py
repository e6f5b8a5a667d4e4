"""Migrations: while they run nobody is refused, and every one can be taken back and made again."""

import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import msgspec
import peewee
import psycopg2
import psycopg2.errors
import pytest
from falcon import testing

from api.app import create_app
from db import migrate as migrations
from db.connection import connection, query
from db.migrate import FOLDER, TablesInUse, migrate, pending, roll_back
from embedded.postgres import client_program
from settings import Settings
from tests.e2e.stack import until

FILES = sorted(path for path in FOLDER.glob("*.sql") if not path.name.endswith(".rollback.sql"))
NAMES = [path.stem for path in FILES]
CATEGORIES = 5_000


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A release's migrations: everything there is, and what the test adds."""
    for path in FOLDER.glob("*.sql"):
        (tmp_path / path.name).write_text(path.read_text())
    yield tmp_path


def add(folder: Path, name: str, *statements: str, back: str, transactional: bool = True) -> None:
    head = "" if transactional else "-- transactional: false\n"
    (folder / f"{name}.sql").write_text(f"{head}-- depends: {NAMES[-1]}\n" + ";\n".join(statements) + ";\n")
    (folder / f"{name}.rollback.sql").write_text(back)


class Visitors:
    """People who read and write the table that is changed, by requests and by statements, and what they met."""

    def __init__(self, settings: Settings) -> None:
        self._client = testing.TestClient(
            create_app(msgspec.structs.replace(settings, rate_limit_default="1000000/minute"))
        )
        self.done = threading.Event()
        self.statements = 0
        self.trouble: list[str] = []

    @contextmanager
    def at_work(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._go_on, args=(number,)) for number in range(2)]
        threads += [threading.Thread(target=self._ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            self.go_on_for(200)
            yield
            self.go_on_for(200)
        finally:
            self.done.set()
            for thread in threads:
                thread.join()

    def go_on_for(self, statements: int) -> None:
        seen = self.statements
        until(lambda: self.statements > seen + statements, 30, lambda: self.trouble)

    def _ask(self) -> None:
        while not self.done.is_set():
            answer = self._client.simulate_get("/api/categories")
            self.statements += 1
            if answer.status_code != 200:
                self.trouble.append(f"{answer.status} {answer.text}")

    def _go_on(self, number: int) -> None:
        with connection():
            while not self.done.is_set():
                try:
                    query("UPDATE categories SET name = name WHERE slug = %s", (f"live-{number}",))
                    query("SELECT name FROM categories WHERE slug = %s", (f"live-{number}",))
                    self.statements += 2
                except peewee.PeeweeException as error:
                    self.trouble.append(repr(error))


def many_categories() -> None:
    query(
        """INSERT INTO categories (id, name, slug)
           SELECT gen_random_uuid(), 'Live ' || n, 'live-' || n FROM generate_series(0, %s) n""",
        (CATEGORIES,),
    )


def test_columns_and_indexes_are_added_while_people_read_and_write(committed_db: Settings, folder: Path) -> None:
    many_categories()
    add(folder, "9001_column", "ALTER TABLE categories ADD COLUMN colour text NOT NULL DEFAULT ''", back="SELECT 1")
    add(
        folder,
        "9002_index",
        "DROP INDEX CONCURRENTLY IF EXISTS categories_colour_idx",
        "CREATE INDEX CONCURRENTLY categories_colour_idx ON categories (colour, name)",
        back="DROP INDEX CONCURRENTLY IF EXISTS categories_colour_idx",
        transactional=False,
    )
    visitors = Visitors(committed_db)
    with visitors.at_work():
        assert migrate(committed_db.database_owner_url, folder) == ["9001_column", "9002_index"]
    assert visitors.trouble == []
    assert query("SELECT indisvalid FROM pg_index WHERE indexrelid = 'categories_colour_idx'::regclass") == [(True,)]


@contextmanager
def long_transaction(url: str) -> Iterator[psycopg2.extensions.connection]:
    """Somebody who has read the table and has not finished: an export, a forgotten terminal."""
    with closing(psycopg2.connect(url)) as slow:
        slow.cursor().execute("SELECT count(*) FROM categories")
        yield slow


def test_nobody_waits_behind_a_migration_that_waits(committed_db: Settings, folder: Path) -> None:
    """It asks for a lock that a long transaction keeps from it, gives up and asks again, and people pass meanwhile."""
    many_categories()
    add(folder, "9001_column", "ALTER TABLE categories ADD COLUMN colour text", back="SELECT 1")
    url, visitors = committed_db.database_owner_url, Visitors(committed_db)
    migrating = threading.Thread(target=migrate, args=(url, folder))
    with long_transaction(url) as slow, visitors.at_work():
        migrating.start()
        until(lambda: waits_for_its_lock(url))
        until(lambda: not waits_for_its_lock(url))
        visitors.go_on_for(200)
        assert migrating.is_alive()
        slow.rollback()
        migrating.join(30)
    assert visitors.trouble == []
    assert migrate(url, folder) == [], "it has been applied"


def waits_for_its_lock(url: str) -> bool:
    with closing(psycopg2.connect(url)) as looking:
        cursor = looking.cursor()
        cursor.execute(
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%ALTER TABLE cat%'"
        )
        return cursor.fetchone() is not None


def test_a_migration_that_never_gets_its_lock_says_so_and_leaves_nothing(
    committed_db: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "ATTEMPTS", 2)
    monkeypatch.setattr(migrations, "LOCK_TIMEOUT_MS", 50)
    statements = ("CREATE TABLE half (n integer)", "ALTER TABLE categories ADD COLUMN colour text")
    add(folder, "9001_column", *statements, back="SELECT 1")
    url = committed_db.database_owner_url
    with long_transaction(url), pytest.raises(TablesInUse, match="9001_column: its tables were not free for 50 ms"):
        migrate(url, folder)
    assert query("SELECT to_regclass('half')") == [(None,)]


def test_two_that_migrate_at_once_take_turns(committed_db: Settings, folder: Path) -> None:
    add(folder, "9001_table", "CREATE TABLE once (n integer)", back="DROP TABLE once")
    applied: list[str] = []
    both = [
        threading.Thread(target=lambda: applied.extend(migrate(committed_db.database_owner_url, folder)))
        for _ in range(2)
    ]
    for one in both:
        one.start()
    for one in both:
        one.join(60)
    assert applied == ["9001_table"]


def validate_constraints(url: str) -> None:
    """What is taken back is narrowed for new rows alone (NOT VALID), as old ones may have used what it allowed."""
    with closing(psycopg2.connect(url)) as owner:
        owner.autocommit = True
        cursor = owner.cursor()
        cursor.execute("SELECT conrelid::regclass, quote_ident(conname) FROM pg_constraint WHERE NOT convalidated")
        for table, name in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")


def schema(url: str) -> str:
    """The whole schema as SQL, without what differs by run: the order of dumping follows names."""
    validate_constraints(url)
    dump = subprocess.run(
        [client_program("pg_dump"), "--schema-only", "--no-owner", "--exclude-table=*yoyo*", f"--dbname={url}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return re.sub(r"^\\(un)?restrict .*$", "", dump.stdout, flags=re.MULTILINE)


@pytest.fixture
def empty(committed_db: Settings) -> Iterator[str]:
    """A database with nothing in it."""
    parts = urlsplit(committed_db.database_owner_url)
    name = f"{parts.path[1:]}_empty"
    maintenance = urlunsplit((parts.scheme, parts.netloc, "/postgres", parts.query, ""))

    def execute(statement: str) -> None:
        with closing(psycopg2.connect(maintenance)) as connection:
            connection.autocommit = True
            connection.cursor().execute(statement)

    execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    execute(f"CREATE DATABASE {name}")
    yield urlunsplit((parts.scheme, parts.netloc, f"/{name}", parts.query, ""))
    execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_every_migration_can_be_taken_back_and_made_again(empty: str, tmp_path: Path) -> None:
    """One after the other upwards, each looked at; then down again, to just what was there before it; then up."""
    seen = {}
    for path in FILES:
        for file in (path, path.with_suffix(".rollback.sql")):
            (tmp_path / file.name).write_text(file.read_text())
        assert migrate(empty, tmp_path) == [path.stem]
        seen[path.stem] = schema(empty)
    unlike = []
    for before, name in reversed(list(pairwise(NAMES))):
        assert roll_back(empty, before) == [name]
        unlike += [name] if schema(empty) != seen[before] else []
    assert unlike == [], "taking these back leaves or takes more than they made"
    assert migrate(empty) == NAMES[1:]
    assert schema(empty) == seen[NAMES[-1]]


def test_taking_back_to_what_is_not_there_is_refused(committed_db: Settings) -> None:
    with pytest.raises(ValueError, match="0999_nothing is not among what has been applied"):
        roll_back(committed_db.database_owner_url, "0999_nothing")
    assert pending(committed_db.database_owner_url) == ([], [])


def test_what_contracts_waits_until_it_is_asked_for(committed_db: Settings, folder: Path) -> None:
    url = committed_db.database_owner_url
    add(folder, "9001_more", "CREATE TABLE more (id int)", back="DROP TABLE more")
    add(folder, "9002_less", "-- contracts: nobody asks for it\nDROP TABLE more", back="CREATE TABLE more (id int)")
    assert migrate(url, folder, contracts=False) == ["9001_more"]
    assert pending(url, folder) == ([], ["9002_less"])
    assert migrate(url, folder, contracts=False) == []
    assert migrate(url, folder) == ["9002_less"]


def test_an_empty_database_has_no_release_before(empty: str) -> None:
    assert migrate(empty, contracts=False) == NAMES


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_nothing_stands_upon_what_contracts(path: Path) -> None:
    """It is left out as long as the release before runs: what is newer must not have it done by accident."""
    stands_on = [name for name in NAMES if f"depends: {name}" in path.read_text()]
    assert not any("-- contracts: " in (FOLDER / f"{name}.sql").read_text() for name in stands_on)


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_migration_says_how_it_is_taken_back(path: Path) -> None:
    assert path.with_suffix(".rollback.sql").read_text().strip()


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_what_runs_outside_of_a_transaction_only_builds_and_drops_indexes(path: Path) -> None:
    """It waits as long as it must, so it may hold nobody up meanwhile; and half of it can be done again."""
    text = path.read_text()
    if "-- transactional: false" not in text:
        assert "CONCURRENTLY" not in text
        return
    for source in (text, path.with_suffix(".rollback.sql").read_text()):
        for statement in re.sub(r"--.*", "", source).split(";"):
            if statement.strip():
                assert re.match(
                    r"\s*(CREATE (UNIQUE )?INDEX CONCURRENTLY|DROP INDEX CONCURRENTLY IF EXISTS) ", statement
                ), statement
    for index in re.findall(r"CREATE (?:UNIQUE )?INDEX CONCURRENTLY (\w+)", text):
        assert text.index(f"DROP INDEX CONCURRENTLY IF EXISTS {index};") < text.index(f"INDEX CONCURRENTLY {index} ON")
