"""A backup restored into an empty system is the same, row for row and file for file."""

import argparse
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import psycopg2
import pytest
import redis

import bootstrap
import settings as configuration
from db.migrate import migrate
from embedded import EmbeddedError, servers
from operations import archive as archive_format
from operations import backup, restore, seed
from settings import Settings
from tests.fakes import FakeJobs
from tests.folders import open_folder


class System:
    """A data folder with its servers running."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.settings = configuration.load(environment)

    def rows(self) -> dict[str, str]:
        """A digest of every table's rows, as the owner of the schema sees them."""
        connection = psycopg2.connect(self.settings.database_owner_url)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute("""SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r'
                                  AND relnamespace = 'public'::regnamespace ORDER BY 1""")
                names = [name for (name,) in cursor.fetchall()]
                found = {}
                for name in names:
                    cursor.execute(f"SELECT count(*), md5(string_agg(t::text, '' ORDER BY t::text)) FROM {name} t")
                    found[name] = str(cursor.fetchone())
                return found
        finally:
            connection.close()

    def rules(self) -> list[tuple[str, ...]]:
        """Every constraint, index, policy and trigger, in words; NOT NULLs by their table, for they are named anew.

        Policies are compared without brackets: PostgreSQL writes fewer of them after a restore.
        """
        connection = psycopg2.connect(self.settings.database_owner_url)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute("""
                    SELECT CASE contype WHEN 'n' THEN conrelid::regclass::text ELSE conname END,
                           pg_get_constraintdef(oid)
                    FROM pg_constraint
                    WHERE connamespace = 'public'::regnamespace
                    UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
                    UNION ALL SELECT policyname || ' on ' || tablename,
                                     translate(concat(qual, ' ', with_check), '()', '')
                              FROM pg_policies
                    UNION ALL SELECT tgname, translate(pg_get_triggerdef(oid), '()', '')
                              FROM pg_trigger WHERE NOT tgisinternal
                    ORDER BY 1, 2""")
                return cursor.fetchall()
        finally:
            connection.close()

    def databases(self) -> list[str]:
        """The databases that are no templates."""
        connection = psycopg2.connect(self.settings.database_owner_url)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute("SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1")
                return [name for (name,) in cursor.fetchall()]
        finally:
            connection.close()

    def files(self) -> dict[str, str]:
        """A digest of every file of media, by its path."""
        media = self.settings.hls_path
        found = [path for path in media.rglob("*") if path.is_file()]
        return {str(path.relative_to(media)): sha256(path.read_bytes()).hexdigest() for path in found}


@pytest.fixture
def place(opened: Settings) -> Iterator[Path]:
    """A folder for two systems; seeding opens their stores in this process, so its own are opened again."""
    with open_folder("astrotv-backup-") as folder:
        yield folder
    bootstrap.open_stores(opened, pool_size=40, jobs=FakeJobs())


def started(folder: Path) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if name not in configuration.NAMES}
    return clean | {"DATA_DIR": str(folder), "BCRYPT_ROUNDS": "4"}


def _arguments(command: ModuleType) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.configure(parser)
    return parser.parse_args([])


def test_a_restored_system_is_the_same_row_for_row(place: Path) -> None:
    archive = place / "backup.tar"
    first, second = started(place / "first"), started(place / "second")
    assert seed.run(_arguments(seed), first) == 0
    with servers(place / "first", first) as environment:
        original = System(environment)
        (original.settings.hls_path / "recordings").mkdir(parents=True, exist_ok=True)
        (original.settings.hls_path / "recordings" / "one.mp4").write_bytes(os.urandom(100_000))
        backup.write(archive, original.settings)
        rows, rules, files = original.rows(), original.rules(), original.files()
        secret = original.settings.jwt_secret
    with servers(place / "second", second) as environment:
        restore.read(archive, configuration.load(environment))
    with servers(place / "second", second) as environment:
        restored = System(environment)
        assert restored.rows() == rows
        assert restored.rules() == rules
        assert restored.files() == files
        assert restored.settings.jwt_secret == secret
    assert sum(line != "(0, None)" for line in rows.values()) > 10, "there must have been something to lose"


def test_a_restore_takes_the_place_of_a_system_that_was_not_empty(place: Path) -> None:
    archive, first, second = place / "backup.tar", started(place / "first"), started(place / "second")
    assert seed.run(_arguments(seed), first) == 0
    with servers(place / "first", first) as environment:
        original = System(environment)
        (original.settings.hls_path / "hls").mkdir(parents=True)
        (original.settings.hls_path / "hls" / "live.m4s").write_bytes(b"live")
        backup.write(archive, original.settings)
        rows, files = original.rows(), original.files()
    assert seed.run(_arguments(seed), second) == 0
    with servers(place / "second", second) as environment:
        other = System(environment).settings
        (other.hls_path / "hls").mkdir(parents=True)
        (other.hls_path / "hls" / "of-before.m4s").write_bytes(b"of before")
        redis.Redis.from_url(other.redis_url).set("lease:of-before", "x")
    assert restore.run(argparse.Namespace(file=archive, yes=True), second) == 0
    with servers(place / "second", second) as environment:
        restored = System(environment)
        assert restored.rows() == rows
        assert restored.files() == files
        assert redis.Redis.from_url(restored.settings.redis_url).keys() == []
        assert restored.databases() == ["astrotv", "postgres"]
    assert not list((place / "second").glob(".restore-*"))


def test_a_restore_that_fails_changes_nothing(place: Path) -> None:
    archive, there = place / "backup.tar", started(place / "there")
    assert seed.run(_arguments(seed), there) == 0
    (place / archive_format.DUMP).write_bytes(b"PGDMP and then nothing that pg_restore could read")
    with archive_format.created(archive) as made:
        made.add_file(place / archive_format.DUMP, archive_format.DUMP)
    with servers(place / "there", there) as environment:
        rows = System(environment).rows()
    with pytest.raises(EmbeddedError, match="pg_restore: "):
        restore.run(argparse.Namespace(file=archive, yes=True), there)
    with servers(place / "there", there) as environment:
        assert System(environment).rows() == rows
        assert System(environment).databases() == ["astrotv", "postgres"]


@pytest.mark.parametrize(("before_apart", "after_apart"), [(True, True), (True, False), (False, True)])
def test_what_storage_keeps_comes_back_whether_it_has_a_folder_of_its_own_or_not(
    place: Path, before_apart: bool, after_apart: bool
) -> None:
    first, second = _kept_in(place / "first", before_apart), _kept_in(place / "second", after_apart)
    with servers(place / "first", first) as environment:
        before = configuration.load(environment)
        for folder in (before.hls_path / "hls", _storage_of(before) / "recordings"):
            folder.mkdir(parents=True)
            (folder / "a.mp4").write_bytes(folder.name.encode())
        migrate(before.database_owner_url)
        backup.write(place / "backup.tar", before)
    with servers(place / "second", second) as environment:
        after = configuration.load(environment)
        restore.read(place / "backup.tar", after)
    assert (after.hls_path / "hls" / "a.mp4").read_bytes() == b"hls"
    assert (_storage_of(after) / "recordings" / "a.mp4").read_bytes() == b"recordings"
    assert (after.hls_path / "recordings").exists() is not after_apart


def _kept_in(folder: Path, apart: bool) -> dict[str, str]:
    return started(folder) | ({"MEDIA_STORAGE": f"file:{folder / 'kept'}"} if apart else {})


def _storage_of(settings: Settings) -> Path:
    return Path(settings.media_storage.removeprefix("file:"))
