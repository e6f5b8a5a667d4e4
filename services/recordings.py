"""Recordings: what remains of a broadcast is made playable, whole and for good."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import structlog

from db.connection import connection
from db.models.streams import Recording, Stream
from services import clock, previews, thumbnails
from services.bus import bus
from services.errors import Unavailable
from services.gateways import ffmpeg
from services.gateways.ffmpeg import FfmpegError
from services.gateways.storage import Storage, StorageError, open_storage
from services.ids import new_id
from services.media_files import LIVE_FOLDER
from services.remuxing import RemuxError, remux
from services.segment_index import LOG_FILE, SOURCE, RecordedRendition, is_complete, recorded_renditions
from services.thumbnails import ThumbnailError
from services.vod_playlists import PLAYLIST, vod_master_playlist, vod_playlist

log = structlog.get_logger(__name__)

PACKAGER_PATIENCE = timedelta(seconds=90)
LIVE_FOLDER_KEPT = timedelta(hours=1)
MOST_MISSING_S, MOST_MISSING_SHARE = 5.0, 0.05
DURATION_TOLERANCE_S, DURATION_TOLERANCE_SHARE = 1.0, 0.02
RECORDINGS = "recordings"
WORKPLACE = ".work"


class Mp4(msgspec.Struct, frozen=True):
    """The MP4 of a recording: where it is and its bytes; or, without one, what was wrong."""

    url: str | None
    size: int = 0
    preview: str | None = None
    complaint: str | None = None


def finish_recording(stream_id: UUID) -> None:
    """Make the recording of a stream that has ended: playlists, an MP4, a preview, a last thumbnail, a row.

    Safe to run twice, also at once: files are replaced by equal ones, and a recording that is
    ready is left alone. Raises Unavailable while the packager still writes.
    """
    with connection():
        stream = Stream.get_or_none(Stream.id == stream_id)
        if stream is None or stream.status != "ENDED" or _is_ready(stream_id):
            return
    folder = live_folder(stream_id)
    if not is_complete(folder) and clock.now() < stream.ended_at + PACKAGER_PATIENCE:
        raise Unavailable(f"The packager has not finished with {stream_id}.", retry_after_s=2)
    renditions = recorded_renditions(folder)
    if not renditions or renditions[0].name != SOURCE:
        _note(stream_id, status="FAILED", error="nothing was recorded")
        return
    _note(stream_id, status="PROCESSING", error=None)
    try:
        _make(stream_id, folder, renditions)
    except (StorageError, OSError) as error:
        _note(stream_id, status="FAILED", error=str(error)[:500])
        raise Unavailable(f"The recording of {stream_id} could not be kept: {error}") from error


def tidy_live_folders() -> int:
    """Remove the live folders of streams whose recording has been ready for a while; returns how many."""
    settled = clock.now() - LIVE_FOLDER_KEPT
    with connection():
        ready = Recording.select().where(Recording.status == "READY", Recording.updated_at < settled)
        folders = [folder for row in ready if (folder := live_folder(row.stream_id)).is_dir()]
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    return len(folders)


def offered(renditions: Iterable[RecordedRendition]) -> list[RecordedRendition]:
    """The source, and the renditions that cover about all of it: players switch among them."""
    source, *others = renditions
    missing_s = max(MOST_MISSING_S, source.duration_s * MOST_MISSING_SHARE)
    return [source, *(other for other in others if other.duration_s >= source.duration_s - missing_s)]


def for_players(chosen: list[RecordedRendition]) -> list[RecordedRendition]:
    """Leave out a source in HEVC or AV1, where a transcode of its picture stands beside it."""
    others = [rendition for rendition in chosen if not rendition.is_for_few]
    return others if any(rendition.has_picture for rendition in others) else chosen


def _make(stream_id: UUID, folder: Path, renditions: list[RecordedRendition]) -> None:
    storage, place = open_storage(bus.settings), f"{RECORDINGS}/{stream_id}"
    chosen = offered(renditions)
    size = sum(_keep_rendition(storage, f"{place}/{rendition.name}", folder, rendition) for rendition in chosen)
    storage.put_bytes(f"{place}/{PLAYLIST}", vod_master_playlist(for_players(chosen)).encode())
    storage.put(f"{place}/{LOG_FILE}", folder / LOG_FILE)
    mp4 = _keep_mp4(stream_id, storage, f"{place}/{SOURCE}.mp4", folder, chosen[0])
    _note(
        stream_id,
        status="READY",
        hls=f"/media/{place}/{PLAYLIST}",
        mp4=mp4.url,
        preview=mp4.preview,
        duration_s=round(chosen[0].duration_s, 3),
        bytes=size + mp4.size,
        error=mp4.complaint,
    )


def _keep_rendition(storage: Storage, place: str, folder: Path, rendition: RecordedRendition) -> int:
    """Keep a rendition's files, then the playlist that names them; returns their bytes."""
    for init in {segment.init for segment in rendition.segments}:
        storage.put(f"{place}/{Path(init).name}", folder / init)
    for segment in rendition.segments:
        key = f"{place}/{Path(segment.uri).name}"
        if storage.size(key) != segment.size:
            storage.put(key, folder / segment.uri)
    storage.put_bytes(f"{place}/{PLAYLIST}", vod_playlist(rendition).encode())
    return sum(segment.size for segment in rendition.segments)


def _keep_mp4(stream_id: UUID, storage: Storage, key: str, folder: Path, source: RecordedRendition) -> Mp4:
    """Make and keep the MP4, and a thumbnail from it. Where none can be made, HLS still plays."""
    binary = ffmpeg.find_binary(bus.settings.ffmpeg_binary)
    with workplace() as place:
        try:
            made = remux(binary, folder, source, place)
            _check_duration(ffmpeg.probe(binary, made).duration_s, source.duration_s)
        except (RemuxError, FfmpegError) as error:
            log.warning("recording_without_mp4", stream_id=str(stream_id), error=str(error))
            return Mp4(None, complaint=str(error)[:500])
        storage.put(key, made)
        _last_thumbnail(stream_id, made, source.duration_s)
        preview = _keep_preview(binary, storage, key.rpartition("/")[0], made, source.duration_s)
        return Mp4(f"/media/{key}", made.stat().st_size, preview)


def _keep_preview(binary: str, storage: Storage, place: str, video: Path, duration_s: float) -> str | None:
    """Make and keep the preview; None where there is no picture."""
    try:
        preview = previews.make_preview(binary, video, duration_s)
    except FfmpegError as error:
        log.info("no_preview", place=place, error=str(error))
        return None
    storage.put_bytes(f"{place}/{previews.SPRITE}", preview.sprite)
    storage.put_bytes(f"{place}/{previews.CUES}", preview.cues.encode())
    return f"/media/{place}/{previews.CUES}"


def _check_duration(found_s: float | None, expected_s: float) -> None:
    tolerance_s = max(DURATION_TOLERANCE_S, expected_s * DURATION_TOLERANCE_SHARE)
    if found_s is None or abs(found_s - expected_s) > tolerance_s:
        raise RemuxError(f"the MP4 is {found_s} s long, its segments {expected_s:.3f} s")


def _last_thumbnail(stream_id: UUID, video: Path, duration_s: float) -> None:
    try:
        thumbnails.show_picture(stream_id, thumbnails.picture_at(video, duration_s / 2))
    except ThumbnailError as error:
        log.info("no_last_thumbnail", stream_id=str(stream_id), error=str(error))


@contextmanager
def workplace() -> Iterator[Path]:
    """A folder beside the media, so that what is made there can be kept without copying."""
    parent = bus.settings.hls_path / WORKPLACE
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent) as name:
        yield Path(name)


def live_folder(stream_id: UUID) -> Path:
    """Where the packager writes a stream."""
    return bus.settings.hls_path / LIVE_FOLDER / str(stream_id)


def _is_ready(stream_id: UUID) -> bool:
    return bool(Recording.select().where(Recording.stream == stream_id, Recording.status == "READY").exists())


def _note(stream_id: UUID, **fields: object) -> None:
    with connection():
        Recording.insert(id=new_id(), stream=stream_id, **fields).on_conflict(
            conflict_target=[Recording.stream], update=fields
        ).execute()
