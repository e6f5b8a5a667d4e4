"""`backup`: everything that a stack cannot make again, in one file."""

import argparse
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import settings as configuration
from embedded import attached
from operations import archive
from operations.project import data_dir
from settings import Settings

HELP = "write the database, the media and the secrets into one file, also while the stack runs"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("file", nargs="?", type=Path, help="default: astrotv-<time>.tar here")


def run(arguments: argparse.Namespace, environ: dict[str, str]) -> int:
    """Write the backup and say where."""
    path = (arguments.file or Path(f"astrotv-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar")).absolute()
    with attached(data_dir(environ), environ) as environment:
        write(path, configuration.load(environment))
    print(f"{path}: {path.stat().st_size // 1024} KiB; keep it safe, it holds the secrets")
    return 0


def write(path: Path, settings: Settings) -> None:
    """Dump the database as of one moment, and add the files as they are after it."""
    with tempfile.TemporaryDirectory(prefix="astrotv-backup-") as folder, archive.created(path) as backup:
        dump = Path(folder) / archive.DUMP
        archive.run_client(
            "pg_dump", "--format=custom", "--no-owner", f"--file={dump}", f"--dbname={settings.database_owner_url}"
        )
        backup.add_file(dump, archive.DUMP)
        for name in archive.KEPT_FILES:
            backup.add_file(settings.data_dir / name, name)
        backup.add_folder(settings.hls_path, archive.MEDIA)
        if storage := archive.storage_apart(settings):
            backup.add_folder(storage, archive.STORAGE)
