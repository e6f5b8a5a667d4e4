"""Images and videos of posts: checked by content and kept, then made into what browsers show."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import msgspec
import structlog

from db.models.posts import Post, PostMedia
from db.transactions import atomic
from services import avatars, jobs, post_videos, uploads, video_headers
from services.bus import bus
from services.errors import Invalid, TooLarge, Unavailable
from services.gateways.ffmpeg import FfmpegError
from services.gateways.pictures import PictureError, Rendition, render
from services.gateways.storage import Storage, StorageError, open_storage
from services.ids import new_id
from services.image_headers import image_header
from services.uploads import ReceivedFile, not_kept

log = structlog.get_logger(__name__)

FOLDER = "posts"
PRIVATE_FOLDER = f"{uploads.PRIVATE_FOLDER}/posts"
MOST_FILES = 10
IMAGE_BYTES = 10 << 20
VIDEO_BYTES = 512 << 20
LARGE, SMALL = (1920, 1920), (480, 480)


class Source(msgspec.Struct, frozen=True):
    """A file that was kept for a worker; `format` is what its first bytes say."""

    media_id: UUID
    kind: str
    format: str
    key: str


class _Made(msgspec.Struct, frozen=True):
    """What a worker made of a source: files on the local disk, and the larger one's size in pixels."""

    shown: Path
    thumbnail: Path
    width: int
    height: int


@contextmanager
def stored(post_id: UUID, files: Sequence[ReceivedFile]) -> Iterator[list[Source]]:
    """Keep the files while their post is written; they are dropped where that fails.

    Raises WrongType, Invalid or TooLarge for a file that no post takes, Unavailable where storage is away.
    """
    sources = [_checked(post_id, file) for file in files]
    try:
        _keep(sources, files)
        yield sources
    except BaseException:
        _drop(f"{PRIVATE_FOLDER}/{post_id}")
        raise


def attach(post_id: UUID, sources: Sequence[Source]) -> None:
    """Hang kept files on a post and have them processed, in the caller's transaction."""
    for position, source in enumerate(sources):
        PostMedia.insert(
            id=source.media_id,
            post=post_id,
            position=position,
            kind=source.kind,
            source_key=source.key,
            source_format=source.format,
        ).execute()
        jobs.enqueue(jobs.PROCESS_POST_MEDIA, media_id=source.media_id)


def process(media_id: UUID) -> None:
    """Make what browsers show of one file. Safe to run twice; raises Unavailable where storage is away.

    What cannot be decoded is marked FAILED with the reason, and nothing else fails with it.
    """
    row = PostMedia.get_or_none(PostMedia.id == media_id, PostMedia.status == "PROCESSING")
    if row is None:
        return
    storage = open_storage(bus.settings)
    with tempfile.TemporaryDirectory(prefix="post-") as name:
        try:
            made = _made(row, _fetched(row, storage, Path(name)), Path(name))
            addresses = _published(row, made, storage)
        except (PictureError, FfmpegError, post_videos.VideoError) as error:
            changed = _settle(row, status="FAILED", error=str(error)[:300])
        except StorageError as error:
            raise Unavailable(f"The media {media_id} cannot be kept: {error}") from error
        else:
            changed = _settle(row, status="READY", width=made.width, height=made.height, **addresses)
    if not changed:
        tidy(row.post_id)  # the post went away meanwhile
    elif row.source_key:
        uploads.forget(row.source_key)


def tidy(post_id: UUID) -> None:
    """Delete the files of a post that is gone."""
    if not Post.select().where(Post.id == post_id).exists():
        _drop(f"{FOLDER}/{post_id}")
        _drop(f"{PRIVATE_FOLDER}/{post_id}")


def _checked(post_id: UUID, file: ReceivedFile) -> Source:
    with file.path.open("rb") as opened:
        container = video_headers.video_format(opened)
    media_id = new_id()
    key = f"{PRIVATE_FOLDER}/{post_id}/{media_id}"
    if container is not None:
        return Source(media_id, "VIDEO", container, key)
    content_type = avatars.checked_picture(file, "files")
    if file.size > IMAGE_BYTES:
        raise TooLarge(f"A picture must not be larger than {IMAGE_BYTES} bytes.")
    return Source(media_id, "IMAGE", content_type, key)


def _keep(sources: Sequence[Source], files: Sequence[ReceivedFile]) -> None:
    if len(files) > MOST_FILES:
        raise Invalid.field("files", f"may come {MOST_FILES} times at most")
    try:
        for source, file in zip(sources, files, strict=True):
            open_storage(bus.settings).put(source.key, file.path)
    except StorageError as error:
        raise not_kept(error) from error


def _fetched(row: PostMedia, storage: Storage, folder: Path) -> Path:
    assert row.source_key is not None  # until it is settled
    local = folder / "source"
    with storage.open(row.source_key) as kept, local.open("wb") as file:
        shutil.copyfileobj(kept, file, 1 << 20)
    return local


def _made(row: PostMedia, source: Path, folder: Path) -> _Made:
    if row.kind == "VIDEO":
        video, poster = post_videos.transcode(source, row.source_format, folder)
        picture = render(poster, folder, [Rendition("small", *SMALL)])
        width, height = _size(poster)
        return _Made(video, picture["small"], width, height)
    pictures = render(source, folder, [Rendition("large", *LARGE), Rendition("small", *SMALL)])
    width, height = _size(pictures["large"])
    return _Made(pictures["large"], pictures["small"], width, height)


def _size(picture: Path) -> tuple[int, int]:
    with picture.open("rb") as file:
        header = image_header(file)
    if header is None:
        raise PictureError("no picture came of it")
    return header.width, header.height


def _published(row: PostMedia, made: _Made, storage: Storage) -> dict[str, str]:
    base = f"{FOLDER}/{row.post_id}/{row.id}"
    shown, thumbnail = f"{base}{made.shown.suffix}", f"{base}-small{made.thumbnail.suffix}"
    storage.put(shown, made.shown)
    storage.put(thumbnail, made.thumbnail)
    return {"url": storage.url(shown), "thumbnail": storage.url(thumbnail)}


def _settle(row: PostMedia, **columns: object) -> bool:
    """Write down what became of a file; False where its post is gone."""
    with atomic():
        changed = PostMedia.update(source_key=None, **columns).where(PostMedia.id == row.id).execute()
    return bool(changed)


def _drop(prefix: str) -> None:
    try:
        open_storage(bus.settings).delete_prefix(prefix)
    except StorageError as error:
        log.warning("media_left_behind", prefix=prefix, error=str(error))
