"""`restore`: a stack as a backup knew it; the database changes at once or not at all."""

import argparse
import shutil
import tarfile
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
from psycopg2 import sql

import embedded
import settings as configuration
from db.connection import APPLICATION_ROLE
from db.migrate import migrate
from embedded.errors import EmbeddedError
from operations import archive
from operations.project import data_dir
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
        read(arguments.file, configuration.load(environment))
    print(f"restored from {arguments.file}")
    return 0


def read(path: Path, settings: Settings) -> None:
    """Put the backup in place of what is there, then bring its schema up to date."""
    with tempfile.TemporaryDirectory(prefix="astrotv-restore-") as folder, tarfile.open(path) as tar:
        tar.extractall(folder, filter="data")
        unpacked = Path(folder)
        if not (unpacked / archive.DUMP).exists():
            raise EmbeddedError(f"{path} is not a backup of AstroTV")
        _restore_database(unpacked / archive.DUMP, settings.database_owner_url)
        _restore_files(unpacked, settings)
    migrate(settings.database_owner_url)


def _restore_database(dump: Path, url: str) -> None:
    """Fill a new database beside the old one, and exchange the two when that has worked."""
    name = urlsplit(url).path.lstrip("/")
    fresh = f"{name}_restored"
    maintenance = _named(url, "postgres")
    _execute(maintenance, sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(fresh)))
    _execute(maintenance, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(fresh)))
    _make_role(maintenance)
    archive.run_client("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={_named(url, fresh)}", str(dump))
    _execute(maintenance, sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
    _execute(
        maintenance,
        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(fresh), sql.Identifier(name)),
    )


def _restore_files(unpacked: Path, settings: Settings) -> None:
    for name in archive.KEPT_FILES:
        if (unpacked / name).exists():
            shutil.copy(unpacked / name, settings.data_dir / name)
            (settings.data_dir / name).chmod(0o600)
    if (unpacked / archive.MEDIA).exists():
        shutil.rmtree(settings.hls_path, ignore_errors=True)
        shutil.move(unpacked / archive.MEDIA, settings.hls_path)


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


def _execute(url: str, statement: sql.Composed) -> None:
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()
