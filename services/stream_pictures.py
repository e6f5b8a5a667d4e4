"""Pictures that streamers hand in for a stream, in place of those that are taken of it."""

import tempfile
from pathlib import Path
from uuid import UUID

from services import throttle, uploads
from services.actors import Actor
from services.avatars import checked_picture
from services.bus import bus
from services.errors import Invalid, RateLimited
from services.gateways.pictures import PictureError, Rendition, render
from services.gateways.storage import StorageError, open_storage
from services.uploads import ReceivedFile, not_kept

FIELD = "thumbnail"
MOST_BYTES = 10 << 20
MOST_UPLOADS = "60/hour"
#: Beside the pictures that are taken of streams, and never replaced by them.
FOLDER = "thumbs/chosen"
SIZE = Rendition("chosen", 1280, 720)


def keep_picture(actor: Actor, stream_id: UUID, file: ReceivedFile) -> str:
    """Keep a picture as WebP, decoded in a process of its own; returns its address.

    Raises WrongType or Invalid for what is no good picture, RateLimited past sixty an hour, Unavailable or
    NoRoom where it cannot be kept.
    """
    checked_picture(file, FIELD)
    if not throttle.hit(MOST_UPLOADS, "stream_picture", str(actor.user_id)).allowed:
        raise RateLimited("Too many pictures; wait a while.", retry_after_s=60)
    storage, key = open_storage(bus.settings), _key(stream_id)
    with tempfile.TemporaryDirectory(prefix="thumbnail-") as folder:
        try:
            storage.put(key, render(file.path, Path(folder), [SIZE])[SIZE.name])
        except PictureError as error:
            raise Invalid.field(FIELD, f"cannot be read: {error}", "bad_picture") from error
        except StorageError as error:
            raise not_kept(error) from error
    return storage.url(key)


def forget_picture(stream_id: UUID) -> None:
    """Delete the picture of a stream that came to nothing, or shows another."""
    uploads.forget(_key(stream_id))


def is_kept(address: str | None) -> bool:
    """Whether a stream's thumbnail is one that was handed in."""
    return address is not None and f"{FOLDER}/" in address


def _key(stream_id: UUID) -> str:
    return f"{FOLDER}/{stream_id}.webp"
