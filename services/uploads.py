"""Files that people hand in: kept in private storage until a worker has made something of them."""

import hashlib
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import structlog

from db.models.file_uploads import FileUpload
from db.transactions import atomic
from services import clock
from services.actors import Actor
from services.bus import bus
from services.errors import NoRoom, NotFound, ServiceError, Unavailable
from services.gateways.storage import StorageError, open_storage
from services.ids import new_id

log = structlog.get_logger(__name__)

#: Never served to anybody: what lies here has not been looked at.
PRIVATE_FOLDER = "uploads"
GIVEN_UP_AFTER = timedelta(days=1)


class UploadStatus(StrEnum):
    PROCESSING = "PROCESSING"
    READY = "READY"
    FAILED = "FAILED"


class ReceivedFile(msgspec.Struct, frozen=True):
    """A file as it arrived, on the local disk until the request ends; `size` in bytes."""

    path: Path
    size: int
    name: str = ""


class UploadView(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """How far an upload is; `results` says where each rendition is, once it is ready."""

    id: UUID
    kind: str
    status: UploadStatus
    error: str
    results: dict[str, Any]
    follow: str


def keep(owner_id: UUID, kind: str, file: ReceivedFile, content_type: str) -> UUID:
    """Keep a received file for a worker; raises Unavailable or NoRoom.

    Call it inside the transaction that asks for the job.
    """
    upload_id = new_id()
    key = f"{PRIVATE_FOLDER}/{upload_id}"
    try:
        open_storage(bus.settings).put(key, file.path)
    except StorageError as error:
        raise not_kept(error) from error
    FileUpload.create(
        id=upload_id,
        owner=owner_id,
        kind=kind,
        storage_key=key,
        content_type=content_type,
        bytes=file.size,
        sha256=_digest(file.path),
    )
    return upload_id


def not_kept(error: StorageError) -> ServiceError:
    """What whoever handed in a file is told where it cannot be kept."""
    if error.is_full:
        return NoRoom("There is no room for files at the moment.")
    return Unavailable("Files cannot be kept at the moment.")


def upload(actor: Actor, upload_id: UUID) -> UploadView:
    """How far one of the actor's uploads is; raises NotFound."""
    with atomic():
        row = FileUpload.get_or_none(FileUpload.id == upload_id)
    if row is None or not (row.owner_id == actor.user_id or actor.is_admin):
        raise NotFound("No such upload.")
    return view(row)


def view(row: FileUpload) -> UploadView:
    """A row as its owner sees it."""
    return UploadView(
        id=row.id,
        kind=row.kind,
        status=UploadStatus(row.status),
        error=row.error,
        results=row.results,
        follow=f"/api/viewer/uploads/{row.id}",
    )


def fail(upload_id: UUID, why: str) -> None:
    """Say that nothing could be made of a file, and forget the file."""
    with atomic():
        row = FileUpload.select().where(FileUpload.id == upload_id).for_update().get()
        FileUpload.update(status=UploadStatus.FAILED.value, error=why[:500]).where(FileUpload.id == upload_id).execute()
    forget(row.storage_key)


def forget(key: str) -> None:
    """Delete a stored file; where storage is away the log says what remains."""
    try:
        open_storage(bus.settings).delete(key)
    except StorageError as error:
        log.warning("file_left_behind", key=key, error=str(error))


def tidy() -> int:
    """Give up uploads that no worker finished within a day; returns how many."""
    long_ago = clock.now() - GIVEN_UP_AFTER
    with atomic():
        waiting = FileUpload.select(FileUpload.id).where(
            FileUpload.status == UploadStatus.PROCESSING.value, FileUpload.created_at < long_ago
        )
        ids = [row.id for row in waiting.limit(500)]
    for upload_id in ids:
        fail(upload_id, "it could not be processed in time")
    return len(ids)


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
