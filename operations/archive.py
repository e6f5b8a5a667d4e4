"""A backup is one tar file: the database's dump, the media, and the secrets that make sense of them."""

import os
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embedded.errors import EmbeddedError
from embedded.postgres import client_program

DUMP = "database.dump"
MEDIA = "media"
#: Without these, stream keys and encrypted columns of the dump would be worthless.
KEPT_FILES = ("secrets.env", "demo.json")


@contextmanager
def created(path: Path) -> Iterator[tarfile.TarFile]:
    """Make a file that only its owner reads; it appears under its name when it is whole."""
    fresh = path.with_name(f"{path.name}.partial")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w") as archive:
            yield archive
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def run_client(name: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs; raises EmbeddedError with its last word."""
    done = subprocess.run([client_program(name), *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise EmbeddedError(f"{name}: {lines[0] if lines else 'failed'}")
