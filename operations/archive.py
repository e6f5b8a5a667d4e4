"""A backup is one tar file: the database's dump, the media, the secrets that make sense of them, and their digests."""

import hashlib
import io
import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from embedded.errors import EmbeddedError
from embedded.postgres import client_program
from settings import Settings

DUMP = "database.dump"
MEDIA = "media"
#: What MEDIA_STORAGE keeps, where that is another folder than HLS_PATH.
STORAGE = "storage"
#: Without these, stream keys and encrypted columns of the dump would be worthless.
KEPT_FILES = ("secrets.env", "demo.json")
#: SHA-256 of each file, by its name: the last member. The mark at the beginning says that there must be one.
DIGESTS = "digests.json"
MARK = {"ASTROTV.digests": "sha256"}


class Archive:
    """A tar file that is being written, and notes the digest of each file."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self._digests: dict[str, str] = {}

    def add_file(self, path: Path, name: str) -> None:
        """Add a file as it is now; nothing where it has gone meanwhile, as segments of live video do."""
        try:
            with path.open("rb") as file:
                digest = _Digesting(file)
                self._tar.addfile(self._tar.gettarinfo(arcname=name, fileobj=file), digest)
        except FileNotFoundError:
            return
        self._digests[name] = digest.hexdigest()

    def add_folder(self, path: Path, name: str) -> None:
        """Add all files beneath a folder, and the folder itself if it is empty; nothing where there is none."""
        if path.is_dir():
            self._tar.addfile(self._tar.gettarinfo(path, name))
        for folder, _, files in os.walk(path):
            beneath = Path(folder).relative_to(path)
            for file in sorted(files):
                if not (found := Path(folder) / file).is_symlink():
                    self.add_file(found, str(Path(name) / beneath / file))

    def finish(self) -> None:
        """Add the digests."""
        content = json.dumps(self._digests).encode()
        entry = tarfile.TarInfo(DIGESTS)
        entry.size = len(content)
        self._tar.addfile(entry, io.BytesIO(content))


class _Digesting:
    """Reads a file for the archive, and knows the digest of what was read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._digest.update(data)
        return data

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


@contextmanager
def created(path: Path) -> Iterator[Archive]:
    """Make a file that only its owner reads; it appears under its name when it is whole.

    Raises EmbeddedError where there is something else than a file: a device would be replaced by one.
    """
    if path.exists() and not path.is_file():
        raise EmbeddedError(f"{path} is there already, and no file")
    fresh = path.with_name(f"{path.name}.partial")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w", pax_headers=MARK) as tar:
                archive = Archive(tar)
                yield archive
                archive.finish()
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def unpack(path: Path, folder: Path) -> None:
    """Unpack a backup into an empty folder; raises EmbeddedError where it is damaged, cut short, or none."""
    try:
        with tarfile.open(path) as tar:
            tar.extractall(folder, filter="data")
            marked = tar.pax_headers.items() >= MARK.items()
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise EmbeddedError(f"{path} is damaged: {error}") from error
    if not (folder / DUMP).exists():
        raise EmbeddedError(f"{path} is not a backup of AstroTV")
    if marked and not (folder / DIGESTS).exists():
        raise EmbeddedError(f"{path} is damaged: its end is missing")
    if damaged := _damaged(folder):
        raise EmbeddedError(f"{path} is damaged: {damaged} is not what was saved")


def _damaged(folder: Path) -> str:
    """The first file that is missing or other than its digest says; older archives have no digests."""
    if not (folder / DIGESTS).exists():
        return ""
    digests: dict[str, str] = json.loads((folder / DIGESTS).read_text())
    return next((name for name, digest in digests.items() if _digest(folder / name) != digest), "")


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def storage_apart(settings: Settings) -> Path | None:
    """The folder of MEDIA_STORAGE, where that is neither a bucket nor a part of HLS_PATH."""
    kind, _, rest = settings.media_storage.partition(":")
    folder = Path(rest)
    return folder if kind == "file" and not folder.is_relative_to(settings.hls_path) else None


def run_client(name: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs; raises EmbeddedError with its last word."""
    done = subprocess.run([client_program(name), *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise EmbeddedError(f"{name}: {lines[0] if lines else 'failed'}")
