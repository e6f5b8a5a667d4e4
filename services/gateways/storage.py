"""Where media are kept: a folder of this machine, or a bucket that speaks S3, behind one interface."""

import errno
import mimetypes
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from settings import Settings

CONTENT_TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".m4s": "video/mp4",
    ".mp4": "video/mp4",
    ".mpd": "application/dash+xml",
    ".vtt": "text/vtt",
    ".webp": "image/webp",
}


#: What a system says of a disk, a quota or a file that may not grow.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class StorageError(Exception):
    """Media could not be kept or found; says which, and whether there is no room left."""

    def __init__(self, message: str, *, is_full: bool = False) -> None:
        super().__init__(message)
        self.is_full = is_full


class Storage(Protocol):
    """Files by key: a relative path with forward slashes, such as `thumbs/<stream>/<time>.webp`."""

    def put(self, key: str, source: Path) -> None:
        """Keep a copy of a local file, all of it or nothing."""

    def put_bytes(self, key: str, content: bytes) -> None:
        """Keep these bytes, all of them or nothing."""

    @contextmanager
    def open(self, key: str) -> Iterator[IO[bytes]]:
        """Read a file; raises StorageError where there is none."""

    def size(self, key: str) -> int | None:
        """Bytes of a file; None where there is none."""

    def keys(self, prefix: str) -> list[str]:
        """Every key that begins with the folder `prefix`, sorted."""

    def delete(self, key: str) -> None:
        """Forget one file; nothing happens where there is none."""

    def delete_prefix(self, prefix: str) -> None:
        """Forget the folder `prefix` and all in it."""

    def url(self, key: str) -> str:
        """Where a browser finds the file: a path of this site, or a whole URL."""

    def signed_url(self, key: str, lasts_s: int) -> str:
        """Where a browser finds a file that is not for everybody, for `lasts_s` seconds."""


def open_storage(settings: Settings) -> Storage:
    """The storage that MEDIA_STORAGE names: `file:<folder>` or `s3:<prefix>` (may be empty)."""
    kind, _, rest = settings.media_storage.partition(":")
    if kind == "file":
        return FolderStorage(Path(rest))
    from services.gateways.storage_s3 import open_bucket  # boto3 is slow to import, and rarely needed

    return open_bucket(settings, rest.strip("/"))


def content_type(key: str) -> str:
    """The media type of a key, by its ending."""
    ending = PurePosixPath(key).suffix
    return CONTENT_TYPES.get(ending) or mimetypes.types_map.get(ending, "application/octet-stream")


class FolderStorage:
    """Files under one folder, appearing by rename."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, key: str, source: Path) -> None:
        with self._appearing(key) as temporary:
            _link_or_copy(source, temporary)

    def put_bytes(self, key: str, content: bytes) -> None:
        with self._appearing(key) as temporary:
            temporary.write_bytes(content)

    @contextmanager
    def open(self, key: str) -> Iterator[IO[bytes]]:
        try:
            file = self.path(key).open("rb")
        except OSError as error:
            raise StorageError(f"{key} cannot be read: {error.strerror}") from error
        with file:
            yield file

    def size(self, key: str) -> int | None:
        try:
            return self.path(key).stat().st_size
        except FileNotFoundError:
            return None

    def keys(self, prefix: str) -> list[str]:
        found = (path for path in self.path(prefix).rglob("*") if path.is_file())
        return sorted(path.relative_to(self._root).as_posix() for path in found)

    def delete(self, key: str) -> None:
        self.path(key).unlink(missing_ok=True)

    def delete_prefix(self, prefix: str) -> None:
        shutil.rmtree(self.path(prefix), ignore_errors=True)

    def url(self, key: str) -> str:
        return f"/media/{key}"

    def signed_url(self, key: str, lasts_s: int) -> str:
        """The same: whoever serves the folder sees to who may have what."""
        return self.url(key)

    def path(self, key: str) -> Path:
        """Where a key lies; raises StorageError for one that would leave the folder."""
        return self._root / plain_key(key)

    @contextmanager
    def _appearing(self, key: str) -> Iterator[Path]:
        target = self.path(key)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=target.parent)
            os.close(handle)
            temporary = Path(name)
            try:
                yield temporary
                temporary.chmod(0o644)
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"{key} cannot be kept: {error.strerror}", is_full=error.errno in FULL) from error


def _link_or_copy(source: Path, target: Path) -> None:
    """Share the bytes where both lie on one file system; media files never change once they are closed."""
    try:
        target.unlink()
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)


def plain_key(key: str) -> str:
    """The key in its one spelling; raises StorageError for one that would leave its place."""
    parts = PurePosixPath(key).parts
    if not parts or key.startswith("/") or "\0" in key or any(part in ("..", ".") for part in parts):
        raise StorageError(f"{key!r} is not a key")
    return "/".join(parts)
