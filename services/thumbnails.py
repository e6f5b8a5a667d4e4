"""Pictures of live streams: the relay's latest keyframe, decoded within bounds, as WebP in two sizes."""

import io
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import msgspec
from peewee import ModelSelect
from PIL import Image

from db.connection import connection
from db.models.streams import Stream
from db.transactions import atomic
from services import clock, jobs, relays
from services.bus import bus
from services.errors import Unavailable
from services.gateways import ffmpeg
from services.gateways.storage import Storage, StorageError, open_storage
from services.jobs import enqueue
from services.tokens import relay_token

LARGE, SMALL = (640, 360), (320, 180)
QUALITY = 75
FETCH_TIMEOUT_S = 5.0
DECODE_TIMEOUT_S = 10.0
MOST_KEYFRAME_BYTES = 16 << 20
MOST_PIXELS = 7680 * 4320
KEPT_GENERATIONS = 2


class ThumbnailError(Exception):
    """No picture could be had of a stream just now."""


class Thumbnail(msgspec.Struct, frozen=True):
    """Where the two sizes of one picture are."""

    large: str
    small: str


def refresh_thumbnail(stream_id: UUID) -> None:
    """Take a picture of a live stream; raises Unavailable where none can be had just now.

    A stream that is not live, or not arriving, is left alone.
    """
    with connection():
        if not _arriving().where(Stream.id == stream_id).exists():
            return
        relay = relays.address(relays.relay_of(stream_id))
    try:
        show_picture(stream_id, decode_keyframe(_latest_keyframe(relay, stream_id)))
    except (ThumbnailError, StorageError) as error:
        raise Unavailable(f"No thumbnail of {stream_id}: {error}") from error


def refresh_live_thumbnails() -> int:
    """Ask for a new picture of every stream whose picture arrives; returns how many there are."""
    with atomic():
        live = [row.id for row in _arriving()]
        for stream_id in live:
            enqueue(jobs.THUMBNAIL, stream_id=stream_id)
    return len(live)


def show_picture(stream_id: UUID, picture: Image.Image) -> Thumbnail:
    """Keep a picture in both sizes and make it the stream's, unless its streamer chose another."""
    made = store_picture(stream_id, picture, open_storage(bus.settings))
    with connection():
        ours = Stream.thumbnail.is_null() | Stream.thumbnail.contains(_folder(stream_id))
        Stream.update(thumbnail=made.large).where(Stream.id == stream_id, ours).execute()
    return made


def decode_keyframe(flv: bytes) -> Image.Image:
    """The picture in a small FLV file, fitted into the large size; raises ThumbnailError where there is none."""
    return _decoded(["-f", "flv", "-protocol_whitelist", "pipe", "-i", "pipe:0"], flv)


def picture_at(video: Path, at_s: float) -> Image.Image:
    """The picture `at_s` seconds into a local video; raises ThumbnailError where there is none."""
    return _decoded(["-protocol_whitelist", "file", "-ss", f"{at_s:.3f}", "-i", str(video)], b"")


def _decoded(source: list[str], stdin: bytes) -> Image.Image:
    width, height = LARGE
    fit = f"scale={width}:{height}:force_original_aspect_ratio=decrease,pad={width}:{height}:(ow-iw)/2:(oh-ih)/2"
    arguments = [
        *("-max_pixels", str(MOST_PIXELS), "-threads", "1", *source),
        *("-map", "0:v:0", "-frames:v", "1", "-vf", fit),
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"),
    ]
    size = width * height * 3
    try:
        binary = ffmpeg.find_binary(bus.settings.ffmpeg_binary)
        pixels = ffmpeg.run(binary, arguments, timeout_s=DECODE_TIMEOUT_S, stdin=stdin, most_bytes=size)
    except ffmpeg.FfmpegError as error:
        raise ThumbnailError(str(error)) from error
    if len(pixels) != size:
        raise ThumbnailError("there is no picture")
    return Image.frombytes("RGB", LARGE, pixels)


def store_picture(stream_id: UUID, picture: Image.Image, storage: Storage) -> Thumbnail:
    """Keep a picture in both sizes under names never used before, and drop generations long past."""
    folder = _folder(stream_id)
    before = storage.keys(folder)
    taken = _later_than_all(before)
    keys = [f"{folder}/{taken}-{width}x{height}.webp" for width, height in (LARGE, SMALL)]
    for key, size in zip(keys, (LARGE, SMALL), strict=True):
        storage.put_bytes(key, webp(picture, size))
    _drop_old([*before, *keys], storage)
    return Thumbnail(large=storage.url(keys[0]), small=storage.url(keys[1]))


def _arriving() -> "ModelSelect[Stream]":
    """Streams whose picture arrives at this moment."""
    return Stream.select(Stream.id).where(
        Stream.status == "LIVE",
        Stream.source_type == "RTMP",
        Stream.media_server.is_null(),
        Stream.interrupted_at.is_null(),
    )


def _later_than_all(keys: Sequence[str]) -> int:
    """The time in milliseconds, or just after the newest picture, which is the last to go: a clock may go back."""
    taken = (int(key.rpartition("/")[2].partition("-")[0]) for key in keys)
    return max(int(clock.now().timestamp() * 1000), 1 + max(taken, default=0))


def _folder(stream_id: UUID) -> str:
    return f"thumbs/{stream_id}"


def _latest_keyframe(relay: str, stream_id: UUID) -> bytes:
    url = f"{relay}/live/{stream_id}/keyframe?token={relay_token(stream_id)}"
    try:
        with urllib.request.urlopen(url, timeout=FETCH_TIMEOUT_S) as reply:  # noqa: S310  # our own relay's address
            found: bytes = reply.read(MOST_KEYFRAME_BYTES + 1)
    except (urllib.error.URLError, OSError) as error:
        raise ThumbnailError(f"the relay gave no keyframe: {error}") from error
    if len(found) > MOST_KEYFRAME_BYTES:
        raise ThumbnailError("the keyframe is too large")
    return found


def webp(picture: Image.Image, size: tuple[int, int]) -> bytes:
    """A picture in one size, as it is kept."""
    fitted = picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)
    written = io.BytesIO()
    fitted.save(written, "WEBP", quality=QUALITY, method=2)
    return written.getvalue()


def _drop_old(keys: Sequence[str], storage: Storage) -> None:
    """A list or page may still show the picture before this one: keep that, no more."""
    for key in keys[: -2 * KEPT_GENERATIONS]:
        storage.delete(key)
