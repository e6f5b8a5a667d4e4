"""Making a clip: the segments of a moment, put into one MP4 without encoding where their form allows."""

import shutil
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import structlog

from db.connection import connection
from db.models.clips import Clip
from db.models.streams import Stream
from services import clock, thumbnails
from services.bus import bus
from services.errors import Unavailable
from services.gateways import ffmpeg
from services.gateways.ffmpeg import FfmpegError
from services.gateways.storage import Storage, StorageError, open_storage
from services.recordings import RECORDINGS, live_folder, workplace
from services.remuxing import RemuxError, remux
from services.segment_index import (
    LOG_FILE,
    SOURCE,
    RecordedRendition,
    SegmentEntry,
    is_complete,
    recorded_renditions,
)
from services.thumbnails import LARGE, ThumbnailError

log = structlog.get_logger(__name__)

CLIPS = "clips"
#: How long a clip of something live waits for its last segment to be closed.
PATIENCE = timedelta(seconds=12)


class ClipError(Exception):
    """A clip that cannot be made; says why."""


def make_clip(clip_id: UUID) -> None:
    """Make a clip that was asked for; one that is made, or cannot be, is left alone.

    Raises Unavailable where it should be tried again.
    """
    with connection():
        clip = Clip.get_or_none(Clip.id == clip_id, Clip.status == "PROCESSING")
        stream = Stream.get_by_id(clip.stream_id) if clip is not None else None
    if clip is None or stream is None:
        return
    try:
        with workplace() as place:
            _make(clip, stream, place)
    except (ClipError, RemuxError, FfmpegError) as error:
        log.warning("clip_failed", clip_id=str(clip_id), error=str(error))
        _note(clip_id, status="FAILED", error=str(error)[:500])
    except (StorageError, OSError) as error:
        raise Unavailable(f"The clip {clip_id} could not be kept: {error}") from error


def moment(rendition: RecordedRendition, starts_at: float, ends_at: float) -> list[SegmentEntry]:
    """The segments that were on air between two times (seconds since 1970), from a keyframe on.

    Where the picture ended before the moment does (an encoder was lost), the moment moves back to its end.
    """
    segments = rendition.segments
    late_s = max(0.0, ends_at - max(s.started_at + s.duration_s for s in segments)) if segments else 0.0
    starts_at, ends_at = starts_at - late_s, ends_at - late_s
    touched = [n for n, s in enumerate(segments) if s.started_at < ends_at and s.started_at + s.duration_s > starts_at]
    if not touched:
        return []
    first, last = touched[0], touched[-1]
    while first > 0 and not segments[first].independent:
        first -= 1
    return list(segments[first : last + 1])


def _make(clip: Clip, stream: Stream, place: Path) -> None:
    binary, storage = ffmpeg.find_binary(bus.settings.ffmpeg_binary), open_storage(bus.settings)
    folder, chosen = _source(clip, stream, place, storage)
    video = remux(binary, folder, chosen, place)
    duration_s = ffmpeg.probe(binary, video).duration_s
    key = f"{CLIPS}/{stream.id}/{clip.id}"
    storage.put(f"{key}.mp4", video)
    thumbnail = _thumbnail(video, storage, f"{key}.webp", duration_s or 0.0)
    _note(
        clip.id,
        status="READY",
        video=f"/media/{key}.mp4",
        thumbnail=thumbnail,
        duration_s=duration_s,
        bytes=video.stat().st_size,
        error=None,
    )


def _source(clip: Clip, stream: Stream, place: Path, storage: Storage) -> tuple[Path, RecordedRendition]:
    """A folder with the moment's segments in it, and which they are: of the live folder, else of the recording."""
    folder = live_folder(stream.id)
    if folder.is_dir():
        _await_end(clip, stream, folder)
        return folder, _chosen(clip, recorded_renditions(folder))
    kept = f"{RECORDINGS}/{stream.id}"
    _fetch(storage, kept, LOG_FILE, place)
    chosen = _chosen(clip, recorded_renditions(place))
    for uri in dict.fromkeys(name for segment in chosen.segments for name in (segment.init, segment.uri)):
        _fetch(storage, kept, uri, place)
    return place, chosen


def _chosen(clip: Clip, renditions: Sequence[RecordedRendition]) -> RecordedRendition:
    if not renditions or renditions[0].name != SOURCE:
        raise ClipError("nothing of the stream was kept")
    segments = moment(renditions[0], clip.starts_at.timestamp(), clip.ends_at.timestamp())
    if not segments:
        raise ClipError("nothing of that moment was kept")
    return msgspec.structs.replace(renditions[0], segments=tuple(segments))


def _await_end(clip: Clip, stream: Stream, folder: Path) -> None:
    """See that the moment's last segment is closed; raises Unavailable for a while where it is not."""
    if is_complete(folder) or stream.interrupted_at is not None or clock.now() > clip.created_at + PATIENCE:
        return
    renditions = recorded_renditions(folder)
    last = renditions[0].segments[-1] if renditions else None
    if last is None or last.started_at + last.duration_s < clip.ends_at.timestamp():
        raise Unavailable("The last segment of the clip is not closed yet.", retry_after_s=1)


def _fetch(storage: Storage, kept: str, name: str, place: Path) -> None:
    target = place / name
    target.parent.mkdir(parents=True, exist_ok=True)
    if storage.size(f"{kept}/{name}") is None:
        raise ClipError("the recording is gone")
    with storage.open(f"{kept}/{name}") as source, target.open("wb") as file:
        shutil.copyfileobj(source, file)


def _thumbnail(video: Path, storage: Storage, key: str, duration_s: float) -> str | None:
    try:
        picture = thumbnails.picture_at(video, min(1.0, duration_s / 2))
    except ThumbnailError as error:
        log.info("clip_without_thumbnail", error=str(error))
        return None
    storage.put_bytes(key, thumbnails.webp(picture, LARGE))
    return f"/media/{key}"


def _note(clip_id: UUID, **fields: object) -> None:
    with connection():
        Clip.update(**fields).where(Clip.id == clip_id).execute()
