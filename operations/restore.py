"""`restore`: a stack as a backup knew it; the database changes at once or not at all."""

import argparse
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import psycopg2.errors
import redis
from psycopg2 import sql
from psycopg2.extensions import parse_dsn

import embedded
import settings as configuration
from db.connection import APPLICATION_ROLE
from db.migrate import migrate
from embedded.errors import EmbeddedError
from operations import archive
from operations.project import data_dir
from services.media_files import LIVE_FOLDER
from settings import Settings

HELP = "replace the database, the media and the secrets by those of a backup; the stack must not run"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("file", type=Path)
    parser.add_argument("--yes", action="store_true", help="really replace what is there")


def run(arguments: argparse.Namespace, environ: dict[str, str]) -> int:
    """Restore and say so; refuses without --yes, and while the stack runs."""
    if not arguments.yes:
        raise EmbeddedError("restore replaces the database and the media; say --yes when that is what you want")
    if not arguments.file.is_file() or not tarfile.is_tarfile(arguments.file):
        raise EmbeddedError(f"{arguments.file} is not a backup")
    with embedded.servers(data_dir(environ), environ) as environment:
        settings = configuration.load(environment)
        read(arguments.file, settings)
        if "REDIS_URL" not in environ:
            redis.Redis.from_url(settings.redis_url).flushall()
    print(f"restored from {arguments.file}")
    if "REDIS_URL" in environ:
        print(
            "REDIS_URL still holds jobs and claims of what was there before: empty it (FLUSHDB) before the next start"
        )
    return 0


def read(path: Path, settings: Settings) -> None:
    """Put the backup in place of what is there; raises EmbeddedError, and then nothing has changed.

    All of it is unpacked, compared with its digests, filled into a database beside the old one and brought up to date
    before anything is replaced.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=settings.data_dir) as folder:
        unpacked = Path(folder)
        archive.unpack(path, unpacked)
        _share_out(unpacked, archive.storage_apart(settings) is not None)
        with _filled(unpacked / archive.DUMP, settings.database_owner_url) as fresh:
            migrate(_named(settings.database_owner_url, fresh))
            _exchange(settings.database_owner_url, fresh)
        _restore_files(unpacked, settings)


@contextmanager
def _filled(dump: Path, url: str) -> Iterator[str]:
    """A new database beside the old one, by its name; it is gone afterwards unless it has taken the other's place."""
    fresh = f"{_name(url)}_restored"
    maintenance = _named(url, "postgres")
    _execute(maintenance, [_DROP.format(sql.Identifier(fresh)), _CREATE.format(sql.Identifier(fresh))])
    try:
        _make_role(maintenance)
        archive.run_client("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={_named(url, fresh)}", str(dump))
        yield fresh
    finally:
        _execute(maintenance, [_DROP.format(sql.Identifier(fresh))])


def _exchange(url: str, fresh: str) -> None:
    """Give the new database the old one's name: both renamings in one transaction, so that there is always one."""
    name, replaced = _name(url), f"{_name(url)}_replaced"
    maintenance = _named(url, "postgres")
    _execute(maintenance, [_DROP.format(sql.Identifier(replaced))])
    renamings = [(name, replaced), (fresh, name)] if _exists(maintenance, name) else [(fresh, name)]
    _execute(maintenance, [_RENAME.format(*map(sql.Identifier, pair)) for pair in renamings], at_once=True)
    _execute(maintenance, [_DROP.format(sql.Identifier(replaced))])


_DROP = sql.SQL("DROP DATABASE IF EXISTS {}")
_CREATE = sql.SQL("CREATE DATABASE {}")
_RENAME = sql.SQL("ALTER DATABASE {} RENAME TO {}")


def _share_out(unpacked: Path, apart: bool) -> None:
    """Live video and what is kept may be in one folder or in two, here and where the backup was made."""
    media, storage = unpacked / archive.MEDIA, unpacked / archive.STORAGE
    if apart and not storage.exists():
        source, target = media, storage
        moved = [entry for entry in _entries(media) if entry.name != LIVE_FOLDER]
    elif not apart:
        source, target = storage, media
        moved = _entries(storage)
    else:
        return
    if source.exists():
        target.mkdir(exist_ok=True)
    for entry in moved:
        entry.rename(target / entry.name)


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.exists() else []


def _restore_files(unpacked: Path, settings: Settings) -> None:
    for name in archive.KEPT_FILES:
        if (unpacked / name).exists():
            shutil.copy(unpacked / name, settings.data_dir / name)
            (settings.data_dir / name).chmod(0o600)
    _put(unpacked / archive.MEDIA, settings.hls_path)
    if storage := archive.storage_apart(settings):
        _put(unpacked / archive.STORAGE, storage)


def _put(unpacked: Path, target: Path) -> None:
    """Let what the backup has of a folder take the place of what is in it; copying, if any, comes first.

    The folder itself stays: it may be where a volume is mounted.
    """
    if not unpacked.exists():
        return
    beside = target / ".restored"
    shutil.rmtree(beside, ignore_errors=True)
    target.mkdir(parents=True, exist_ok=True)
    before = _entries(target)
    shutil.move(unpacked, beside)
    for entry in before:
        _remove(entry)
    for entry in _entries(beside):
        entry.rename(target / entry.name)
    beside.rmdir()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _make_role(url: str) -> None:
    """The dump grants rights to the application's role, which belongs to the cluster and not to it."""
    role = sql.Identifier(APPLICATION_ROLE)
    with_role = psycopg2.connect(url)
    try:
        with with_role, with_role.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APPLICATION_ROLE])
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(role))
            cursor.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))
    finally:
        with_role.close()


def _named(url: str, database: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/{database}" + (f"?{parts.query}" if parts.query else "")


def _name(url: str) -> str:
    return str(parse_dsn(url)["dbname"])


def _exists(url: str, name: str) -> bool:
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            return cursor.fetchone() is not None
    finally:
        connection.close()


def _execute(url: str, statements: Sequence[sql.Composed], *, at_once: bool = False) -> None:
    """Execute statements one by one, or all or none; raises EmbeddedError where a database is being used."""
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = not at_once
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        connection.commit()
    except psycopg2.errors.ObjectInUse as error:
        raise EmbeddedError("the database is being used: stop what is connected to it, then restore") from error
    finally:
        connection.close()
