"""Which streams anybody may play without a token: an empty file each, beside the media.

The database decides; the files are a copy that nginx, ingest and the API read with one `stat`
instead of a query for each segment. A stream without its file is closed, so a copy that was lost
costs a query and never a secret.
"""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import structlog

from db.connection import query
from services import playback_tokens
from services.bus import bus

log = structlog.get_logger(__name__)

FOLDER = "open"


def is_open(stream_id: UUID) -> bool:
    """Whether the files of a stream are for everybody; asks the file system alone."""
    return _mark(stream_id).exists()


def may_fetch(stream_id: UUID, token: str | None) -> bool:
    """Whether the files of a stream may be had with a token, or without one; asks no database."""
    return bool(playback_tokens.seconds_left(token, stream_id)) if token is not None else is_open(stream_id)


def _is_public(stream_id: UUID) -> bool:
    return bool(query("SELECT 1 FROM streams WHERE id = %s AND visibility = 'PUBLIC'", (stream_id,)))


def settle(stream_id: UUID, is_public: Callable[[UUID], bool] = _is_public) -> bool:
    """Make the file agree with the database, and say whether the stream is open.

    Looked at twice: a change that was committed in between has the last word.
    """
    opened = is_public(stream_id)
    while True:
        _note(stream_id, opened)
        seen, opened = opened, is_public(stream_id)
        if seen == opened:
            return opened


def may_fetch_openly(stream_id: UUID) -> bool:
    """Whether the files of a stream are for everybody; asks the database where no file says so."""
    return is_open(stream_id) or settle(stream_id)


def _note(stream_id: UUID, opened: bool) -> None:
    mark = _mark(stream_id)
    if not opened:
        mark.unlink(missing_ok=True)
        return
    try:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    except OSError as error:  # a full disk: the stream plays all the same, at the price of a query
        log.warning("open_stream_not_noted", stream_id=str(stream_id), error=str(error))


def _mark(stream_id: UUID) -> Path:
    return bus.settings.hls_path / FOLDER / str(stream_id)
