"""Avatars: pictures that people hand in, made into squares by a worker."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

import structlog

from db.models.file_uploads import FileUpload
from db.models.users import User
from db.transactions import atomic
from services import image_headers, jobs, throttle, uploads
from services.actors import Actor
from services.bus import bus
from services.errors import Invalid, RateLimited, Unavailable, WrongType
from services.events import UserChanged, publish
from services.gateways.pictures import MOST_PIXELS, PictureError, Rendition, render
from services.gateways.storage import Storage, StorageError, open_storage
from services.topics import CONTROL
from services.uploads import ReceivedFile, UploadStatus, UploadView

log = structlog.get_logger(__name__)

KIND = "avatar"
FOLDER = "avatars"
MOST_BYTES = 10 << 20
SIZES = (64, 256, 512)
SHOWN_SIZE = 256
MOST_UPLOADS = "30/hour"


def upload_avatar(actor: Actor, file: ReceivedFile) -> UploadView:
    """Keep a picture and have it made the actor's avatar; the view says how to follow that.

    Raises WrongType for what is no JPEG, PNG or WebP, Invalid for one of too many pixels,
    RateLimited past thirty an hour, Unavailable where storage is away.
    """
    content_type = checked_picture(file)
    verdict = throttle.hit(MOST_UPLOADS, KIND, str(actor.user_id))
    if not verdict.allowed:
        raise RateLimited("Too many avatars; wait a while.", retry_after_s=max(1, verdict.reset_s))
    with atomic():
        upload_id = uploads.keep(actor.user_id, KIND, file, content_type)
        jobs.enqueue(jobs.MAKE_AVATAR, upload_id=upload_id)
    return uploads.upload(actor, upload_id)


def checked_picture(file: ReceivedFile, field: str = "file") -> str:
    """The media type of a picture, by its first bytes; raises WrongType, or Invalid past 64 million pixels."""
    with file.path.open("rb") as opened:
        header = image_headers.image_header(opened)
    if header is None:
        raise WrongType("The file must be a JPEG, PNG or WebP picture.")
    if header.pixels > MOST_PIXELS:
        raise Invalid.field(field, f"must not have more than {MOST_PIXELS // 1_000_000} million pixels")
    return header.content_type


def make_avatar(upload_id: UUID) -> None:
    """Make the squares of an uploaded picture and show them; what went before is deleted.

    Safe to run twice. A picture that cannot be decoded fails its upload, and nothing else.
    """
    with atomic():
        row = FileUpload.get_or_none(FileUpload.id == upload_id, FileUpload.status != UploadStatus.FAILED.value)
    if row is None or (row.status == UploadStatus.PROCESSING.value and not _made(row)):
        return
    uploads.forget(row.storage_key)
    with atomic():
        newest = _newest(row.owner_id)
    _drop(row.owner_id, keep=newest)


def drop_all(user_id: UUID) -> None:
    """Delete the avatar files of somebody who shows another picture, or none."""
    _drop(user_id, keep=None)


def _made(row: FileUpload) -> bool:
    """Whether the picture could be made and shown."""
    try:
        urls = _make(row, open_storage(bus.settings))
    except PictureError as error:
        uploads.fail(row.id, f"The picture cannot be read: {error}")
        return False
    except StorageError as error:
        raise Unavailable(f"The avatar {row.id} cannot be kept: {error}") from error
    _show(row, urls)
    return True


def _make(row: FileUpload, storage: Storage) -> dict[str, str]:
    """The addresses of the squares by their size."""
    wanted = [Rendition(str(size), size, size, crop=True) for size in SIZES]
    with tempfile.TemporaryDirectory(prefix="avatar-") as name:
        source = Path(name) / "source"
        with storage.open(row.storage_key) as stored, source.open("wb") as local:
            while piece := stored.read(1 << 20):
                local.write(piece)
        made = render(source, Path(name), wanted)
        return {size: _kept(storage, f"{FOLDER}/{row.owner_id}/{row.id}-{size}.webp", made[size]) for size in made}


def _kept(storage: Storage, key: str, path: Path) -> str:
    storage.put(key, path)
    return storage.url(key)


def _show(row: FileUpload, urls: Mapping[str, str]) -> None:
    with atomic():
        User.select(User.id).where(User.id == row.owner_id).for_update().get()
        FileUpload.update(status=UploadStatus.READY.value, results=dict(urls)).where(FileUpload.id == row.id).execute()
        if _newest(row.owner_id) == row.id:
            User.update(avatar=urls[str(SHOWN_SIZE)]).where(User.id == row.owner_id).execute()
            publish(UserChanged(user_id=row.owner_id), CONTROL)


def _ready(user_id: UUID) -> list[UUID]:
    """The uploads that became avatars, the newest first."""
    rows = (
        FileUpload.select(FileUpload.id)
        .where(FileUpload.owner == user_id, FileUpload.kind == KIND, FileUpload.status == UploadStatus.READY.value)
        .order_by(FileUpload.id.desc())
    )
    return [row.id for row in rows]


def _newest(user_id: UUID) -> UUID | None:
    """The newest upload that became an avatar, whichever worker was quicker."""
    return next(iter(_ready(user_id)), None)


def _drop(user_id: UUID, keep: UUID | None) -> None:
    """Delete the files of finished uploads but `keep`; those of others may be arriving just now."""
    with atomic():
        finished = {str(upload_id) for upload_id in _ready(user_id) if upload_id != keep}
    try:
        for key in open_storage(bus.settings).keys(f"{FOLDER}/{user_id}"):
            if Path(key).name.rpartition("-")[0] in finished:
                uploads.forget(key)
    except StorageError as error:
        log.warning("avatars_left_behind", user_id=str(user_id), error=str(error))
