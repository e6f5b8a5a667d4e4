"""The public part of the media folder, for serving: playlists, segments, recordings, pictures.

Everything is refused that is not plainly one of them: other folders (private uploads among them),
hidden and half-written files, ways out of the folder, and symbolic links anywhere on the way.
"""

import os
import re
import stat
from pathlib import Path
from typing import IO

import msgspec

from services.bus import bus
from services.errors import NotFound
from services.gateways.storage import content_type

LIVE_FOLDER = "hls"
STORED_FOLDERS = frozenset({"thumbs", "recordings", "avatars", "posts"})
DEEPEST = 6

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_SERVED = re.compile(r".*\.(m3u8|mpd|m4s|mp4|webp|jpg|png|vtt)")
_CHANGING = (".m3u8", ".mpd")


class MediaFile(msgspec.Struct, frozen=True):
    """An open file and what is to be said of it; `size` in bytes. Whoever asked for it closes it."""

    file: IO[bytes]
    size: int
    etag: str
    content_type: str
    max_age_s: int

    @property
    def is_immutable(self) -> bool:
        """Whether the same address will never hold anything else."""
        return self.max_age_s > 1


def live_file(path: str) -> MediaFile:
    """A file of a live stream, as `<stream>/<rendition>/<name>`; raises NotFound."""
    return _opened(bus.settings.hls_path, [LIVE_FOLDER, *path.split("/")])


def stored_file(path: str) -> MediaFile:
    """A kept file, as `<folder>/…`; raises NotFound, also where media are kept elsewhere."""
    kind, _, root = bus.settings.media_storage.partition(":")
    names = path.split("/")
    if kind != "file" or names[0] not in STORED_FOLDERS:
        raise NotFound("There is no such file.")
    return _opened(Path(root), names)


def _opened(root: Path, names: list[str]) -> MediaFile:
    if len(names) > DEEPEST or not all(map(_PLAIN_NAME.fullmatch, names)) or not _SERVED.fullmatch(names[-1]):
        raise NotFound("There is no such file.")
    try:
        descriptor = _walk(root, names)
    except OSError as error:
        raise NotFound("There is no such file.") from error
    return _described(os.fdopen(descriptor, "rb", buffering=0), names[-1])


def _walk(root: Path, names: list[str]) -> int:
    """Open the file name by name, following no link."""
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for name in names[:-1]:
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(names[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    finally:
        os.close(folder)


def _described(file: IO[bytes], name: str) -> MediaFile:
    facts = os.fstat(file.fileno())
    if not stat.S_ISREG(facts.st_mode):
        file.close()
        raise NotFound("There is no such file.")
    return MediaFile(
        file=file,
        size=facts.st_size,
        etag=f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"',
        content_type=content_type(name),
        max_age_s=1 if name.endswith(_CHANGING) else 31_536_000,
    )
