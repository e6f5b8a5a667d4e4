"""The public part of the media, for serving: playlists, segments, recordings, clips, pictures.

Everything is refused that is not plainly one of them: other folders (private uploads among them),
hidden and half-written files, ways out of the folder, and symbolic links anywhere on the way. The
files of a stream that is not public open with a token alone, `t/<token>/` before the path; that is
checked without a query.
"""

import hashlib
import io
import os
import re
import stat
from pathlib import Path
from typing import IO
from uuid import UUID

import msgspec

from services import clock, open_streams, playback_tokens
from services.bus import bus
from services.dash_manifests import HEAD_BYTES, MANIFEST, MASTER, DashError, Read, manifest
from services.errors import Forbidden, NotFound
from services.gateways.storage import StorageError, content_type, open_storage

LIVE_FOLDER = "hls"
#: Kept files that belong to a stream, and those that are for everybody.
STREAM_FOLDERS = frozenset({"recordings", "clips"})
OPEN_FOLDERS = frozenset({"thumbs", "avatars", "emotes", "posts"})
TOKEN_MARK = "t"  # noqa: S105 - the name of a path's part
DEEPEST = 6
FOREVER_S = 31_536_000
SIGNED_FOR_S = 3600

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_SERVED = re.compile(r".*\.(m3u8|mpd|m4s|mp4|webp|jpg|png|vtt)")
_CHANGING = (".m3u8", ".mpd")
_NAMES_OTHERS = (".m3u8", ".mpd", ".vtt")


class MediaFile(msgspec.Struct, frozen=True):
    """An open file and what is to be said of it; `size` in bytes. Whoever asked for it closes it.

    A private one was opened by a token: no cache may share it, nor keep it past the token.
    """

    file: IO[bytes]
    size: int
    etag: str
    content_type: str
    max_age_s: int
    is_private: bool = False

    @property
    def is_immutable(self) -> bool:
        """Whether the same address will never hold anything else."""
        return self.max_age_s > 1


class Elsewhere(msgspec.Struct, frozen=True):
    """A file that the bucket itself hands out, for `lasts_s` seconds at this address."""

    url: str
    lasts_s: int


class _Asked(msgspec.Struct, frozen=True):
    """A path taken apart: the names of folders and file, and the token that came before them."""

    names: list[str]
    token: str | None

    def seconds_left(self, stream_name: str) -> int | None:
        """For how long the files of a stream are open to the asker; None where they are for everybody.

        Raises Forbidden, and NotFound for what is no stream.
        """
        stream_id = _stream_id(stream_name)
        if self.token is not None:
            left_s = playback_tokens.seconds_left(self.token, stream_id)
            if not left_s:
                raise Forbidden("The token has expired, or is for another stream.", "playback_token_invalid")
            return left_s
        if not open_streams.may_fetch_openly(stream_id):
            raise Forbidden("This stream is not public: ask for a token.", "playback_token_required")
        return None


def live_file(path: str) -> MediaFile:
    """A file of a live stream, as `[t/<token>/]<stream>/<rendition>/<name>`; raises NotFound, Forbidden."""
    asked = _asked(path)
    if asked.names[1:] == [MANIFEST]:
        return _manifest(asked, asked.names[0], _reader(bus.settings.hls_path, [LIVE_FOLDER, asked.names[0]]))
    return _opened(bus.settings.hls_path, [LIVE_FOLDER, *asked.names], asked, asked.names[0])


def stored_file(path: str) -> MediaFile | Elsewhere:
    """A kept file, as `[t/<token>/]<folder>/…`; raises NotFound, Forbidden.

    Of a bucket only what belongs to streams is looked for here: the rest is public there.
    """
    asked = _asked(path)
    kind, _, root = bus.settings.media_storage.partition(":")
    of_stream = asked.names[0] in STREAM_FOLDERS and len(asked.names) > 2
    if of_stream and asked.names[2:] == [MANIFEST]:
        read = _reader(Path(root), asked.names[:2]) if kind == "file" else _bucket_reader(asked.names[:2])
        return _manifest(asked, asked.names[1], read)
    if kind != "file" and of_stream:
        return _from_bucket(asked)
    if kind != "file" or not (of_stream or asked.names[0] in OPEN_FOLDERS):
        raise NotFound("There is no such file.")
    return _opened(Path(root), asked.names, asked, asked.names[1] if of_stream else None)


def _asked(path: str) -> _Asked:
    names = path.split("/")
    token = names[1] if names[0] == TOKEN_MARK and len(names) > 3 else None
    if token is not None:
        names = names[2:]
    if len(names) > DEEPEST or not all(map(_PLAIN_NAME.fullmatch, names)) or not _SERVED.fullmatch(names[-1]):
        raise NotFound("There is no such file.")
    return _Asked(names, token)


def _stream_id(name: str) -> UUID:
    try:
        stream_id = UUID(name)
    except ValueError as error:
        raise NotFound("There is no such file.") from error
    if str(stream_id) != name:
        raise NotFound("There is no such file.")
    return stream_id


def _opened(root: Path, names: list[str], asked: _Asked, stream_name: str | None) -> MediaFile:
    """Open a file and see that the asker may have it; whether it is there is told to anybody."""
    try:
        descriptor = _walk(root, names)
    except OSError as error:
        raise NotFound("There is no such file.") from error
    file = os.fdopen(descriptor, "rb", buffering=0)
    try:
        left_s = asked.seconds_left(stream_name) if stream_name else None
        return _described(file, names[-1], left_s)
    except (NotFound, Forbidden):
        file.close()
        raise


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


def _described(file: IO[bytes], name: str, left_s: int | None) -> MediaFile:
    facts = os.fstat(file.fileno())
    if not stat.S_ISREG(facts.st_mode):
        raise NotFound("There is no such file.")
    return MediaFile(
        file=file,
        size=facts.st_size,
        etag=f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"',
        content_type=content_type(name),
        max_age_s=_max_age_s(name, left_s),
        is_private=left_s is not None,
    )


def _max_age_s(name: str, left_s: int | None) -> int:
    return 1 if name.endswith(_CHANGING) else min(FOREVER_S, left_s or FOREVER_S)


def _from_bucket(asked: _Asked) -> MediaFile | Elsewhere:
    """A file that names others is sent from here, so that they are asked for here; the bucket sends the rest."""
    left_s = asked.seconds_left(asked.names[1])
    storage, key = open_storage(bus.settings), "/".join(asked.names)
    if not key.endswith(_NAMES_OTHERS):
        lasts_s = min(SIGNED_FOR_S, left_s or SIGNED_FOR_S)
        return Elsewhere(storage.signed_url(key, lasts_s), lasts_s)
    try:
        with storage.open(key) as source:
            content = source.read()
    except StorageError as error:
        raise NotFound("There is no such file.") from error
    return _made(content, key, left_s)


def _made(content: bytes, name: str, left_s: int | None) -> MediaFile:
    etag = f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'
    max_age_s = _max_age_s(name, left_s)
    return MediaFile(io.BytesIO(content), len(content), etag, content_type(name), max_age_s, left_s is not None)


def _manifest(asked: _Asked, stream_name: str, read: Read) -> MediaFile:
    """The DASH manifest of a stream's folder, made from its playlists when it is asked for."""
    try:
        read(MASTER)
        left_s = asked.seconds_left(stream_name)
        return _made(manifest(read, clock.now()).encode(), MANIFEST, left_s)
    except (DashError, OSError, StorageError) as error:
        raise NotFound("There is no such file.") from error


def _reader(root: Path, folder: list[str]) -> Read:
    def read(name: str) -> bytes:
        with os.fdopen(_walk(root, [*folder, *name.split("/")]), "rb") as file:
            return file.read(-1 if name.endswith(_CHANGING) else HEAD_BYTES)

    return read


def _bucket_reader(folder: list[str]) -> Read:
    storage = open_storage(bus.settings)

    def read(name: str) -> bytes:
        with storage.open("/".join([*folder, name])) as file:
            return file.read(-1 if name.endswith(_CHANGING) else HEAD_BYTES)

    return read
