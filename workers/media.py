"""Media jobs: live ladders, recordings, thumbnails."""

import threading
from typing import Any
from uuid import UUID

import structlog
from celery import signals

from services import (
    clip_making,
    jobs,
    livekit_rooms,
    open_streams,
    recording_retention,
    recordings,
    thumbnails,
    transcoding,
)
from workers.app import task

log = structlog.get_logger(__name__)

WATCH_EVERY_S = 1.0
LOOK_FOR_FORGOTTEN_EVERY = 15

#: Set when this worker has been told to stop: live ladders are then handed to another.
stopping = threading.Event()


@task(jobs.TRANSCODE_LIVE, runs_for_hours=True)
def transcode_live(stream_id: str) -> None:
    transcoding.transcode_live(UUID(stream_id), stopping)


#: A disk may be full for an hour.
@task(jobs.FINISH_RECORDING, retries=30, soft_time_limit=3300, time_limit=3600)
def finish_recording(stream_id: str) -> None:
    recordings.finish_recording(UUID(stream_id))


@task(jobs.THUMBNAIL, retries=3)
def thumbnail(stream_id: str) -> None:
    thumbnails.refresh_thumbnail(UUID(stream_id))


@task(jobs.THUMBNAILS_OF_LIVE)
def thumbnails_of_live() -> None:
    thumbnails.refresh_live_thumbnails()


@task(jobs.TIDY_LIVE_MEDIA)
def tidy_live() -> None:
    recordings.tidy_live_folders()


@task(jobs.MAKE_CLIP, retries=20)
def clip(clip_id: str) -> None:
    clip_making.make_clip(UUID(clip_id))


@task(jobs.SETTLE_OPEN_STREAM)
def settle_open_stream(stream_id: str) -> None:
    open_streams.settle(UUID(stream_id))


@task(jobs.EXPIRE_RECORDINGS)
def expire_recordings() -> None:
    recording_retention.expire_recordings()


@task(jobs.REAP_LIVEKIT, retries=0)
def reap_livekit() -> None:
    livekit_rooms.reap()


@task(jobs.CLOSE_LIVEKIT_ROOM)
def close_livekit_room(channel_id: str) -> None:
    livekit_rooms.close_room(UUID(channel_id))


@signals.worker_shutting_down.connect
def _stop_ladders(**_: Any) -> None:
    stopping.set()


@signals.worker_ready.connect
def _watch_over_ladders(sender: Any, **_: Any) -> None:
    """Where this worker serves live ladders, look after those of workers that died."""
    if jobs.TRANSCODE_LIVE.queue in sender.app.amqp.queues.consume_from:
        threading.Thread(target=_watch, name="ladder-watch", daemon=True).start()


def _watch() -> None:
    rounds = 0
    while not stopping.wait(WATCH_EVERY_S):
        rounds += 1
        try:
            transcoding.resume_abandoned()
            if rounds % LOOK_FOR_FORGOTTEN_EVERY == 0:
                transcoding.resume_forgotten()
        except Exception:  # the watch's outermost loop: it must outlive any store
            log.exception("ladder_watch_failed")
