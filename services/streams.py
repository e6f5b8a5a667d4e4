"""Streams as people see and set them: lists, metadata, playback."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from db.connection import query
from services import playback, watching
from services.actors import Actor
from services.categories import CategoryRef
from services.errors import NotFound
from services.pages import Page, cut, decode_cursor
from services.users import PUBLIC, PUBLIC_COLUMNS, UserView, public_view


class Status(StrEnum):
    SCHEDULED = "SCHEDULED"
    LIVE = "LIVE"
    ENDED = "ENDED"


class Sort(StrEnum):
    VIEWERS = "viewers"
    RECENT = "recent"


class StreamView(msgspec.Struct, frozen=True, rename="camel"):
    """A stream as a viewer sees it; `playback` holds what this viewer may play."""

    id: UUID
    title: str
    description: str
    thumbnail: str | None
    is_live: bool
    status: Status
    viewer_count: int
    peak_viewers: int
    started_at: datetime | None
    ended_at: datetime | None
    scheduled_for: datetime | None
    streamer: UserView | None
    category: CategoryRef | None
    tags: list[str]
    source_type: str
    event_id: UUID | None
    language: str
    visibility: str
    playback: playback.Playback


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which live streams a list holds."""

    category: str | None = None
    tag: str | None = None
    language: str | None = None
    q: str | None = None
    sort: Sort = Sort.VIEWERS


_SELECT = f"""
SELECT {PUBLIC},
       s.id, s.title, s.description, s.thumbnail, s.status, s.viewer_count, s.peak_viewers, s.started_at, s.ended_at,
       s.scheduled_for, s.tags, s.source_type, s.language, s.visibility,
       g.id, g.name, g.slug, g.photo, r.hls, r.mp4, s.event_id
FROM streams s JOIN channels h ON h.id = s.channel_id LEFT JOIN users u ON u.id = h.user_id
LEFT JOIN categories g ON g.id = s.category_id
LEFT JOIN recordings r ON r.stream_id = s.id AND r.status = 'READY'
"""  # noqa: S608 - built from constants
_ID = PUBLIC_COLUMNS
_LIVE = "s.status = 'LIVE' AND s.visibility <> 'UNLISTED' AND s.event_id IS NULL"
_KNOWN = """(s.event_id IS NULL OR %s
             OR EXISTS (SELECT FROM events e WHERE e.id = s.event_id AND e.status <> 'DRAFT'))"""
_ORDERS = {
    Sort.VIEWERS: (
        "(s.viewer_count, s.id) < (%s, %s)",
        "s.viewer_count DESC, s.id DESC",
        tuple[int, UUID],
        PUBLIC_COLUMNS + 5,
    ),
    Sort.RECENT: (
        "(s.started_at, s.id) < (%s, %s)",
        "s.started_at DESC, s.id DESC",
        tuple[datetime, UUID],
        PUBLIC_COLUMNS + 7,
    ),
}


def live_streams(wanted: Filter, limit: int, cursor: str | None) -> Page[StreamView]:
    """Streams on air, as a page."""
    conditions, parameters = conditions_of(wanted, _LIVE)
    after, order, key_shape, key_column = _ORDERS[wanted.sort]
    if cursor:
        conditions.append(after)
        parameters += decode_cursor(cursor, key_shape)
    sql = f"{_SELECT} WHERE {' AND '.join(conditions)} ORDER BY {order} LIMIT %s"
    rows = query(sql, (*parameters, limit + 1))
    return cut(rows, limit, lambda row: view(row, None), lambda row: (row[key_column], row[_ID]))


def stream(stream_id: UUID, actor: Actor | None = None) -> StreamView:
    """One stream; raises NotFound, also for one of an event that the actor may not know of."""
    return _one(f"s.id = %s AND {_KNOWN}", (stream_id, actor is not None and actor.is_admin), actor)


def any_stream(stream_id: UUID) -> StreamView:
    """One stream as the system sees it, whoever else may; raises NotFound."""
    return _one("s.id = %s", (stream_id,), None)


def stream_of_streamer(username: str, actor: Actor | None = None) -> StreamView:
    """A streamer's current stream, or the last one; raises NotFound."""
    current = "lower(u.username) = lower(%s) ORDER BY s.status = 'LIVE' DESC, s.status = 'ENDED' DESC, s.id DESC"
    return _one(current, (username,), actor)


def streams_by_id(ids: Sequence[UUID], actor: Actor | None) -> list[StreamView]:
    """The streams with these ids, in this order; those that are gone are left out."""
    if not ids:
        return []
    found = {row[_ID]: view(row, actor) for row in query(f"{_SELECT} WHERE s.id = ANY(%s::uuid[])", (list(ids),))}
    return [found[stream_id] for stream_id in ids if stream_id in found]


def past_streams(actor: Actor, limit: int, cursor: str | None) -> Page[StreamView]:
    """The actor's ended streams with their recordings, newest first."""
    before = decode_cursor(cursor, tuple[UUID])[0] if cursor else UUID(int=2**128 - 1)
    sql = f"{_SELECT} WHERE u.id = %s AND s.status = 'ENDED' AND s.id < %s ORDER BY s.id DESC LIMIT %s"
    rows = query(sql, (actor.user_id, before, limit + 1))
    return cut(rows, limit, lambda row: view(row, actor), lambda row: (row[_ID],))


def view(row: Sequence[Any], actor: Actor | None) -> StreamView:
    """A row of the streams query, for one viewer."""
    streamer = public_view(row) if row[0] else None
    id_, title, description, thumbnail, status, viewers, peak, started_at, ended_at = row[PUBLIC_COLUMNS:][:9]
    scheduled_for, tags, source_type, language, visibility = row[PUBLIC_COLUMNS + 9 :][:5]
    category_id, category, slug, photo, recording_hls, recording_mp4, event_id = row[PUBLIC_COLUMNS + 14 :]
    is_own = actor is not None and streamer is not None and actor.user_id == streamer.id
    may_watch = visibility != "SUBSCRIBERS" or is_own or (actor is not None and actor.is_admin)
    return StreamView(
        id=id_,
        title=title,
        description=description,
        thumbnail=playback.whole_url(thumbnail) if thumbnail else None,
        is_live=status == Status.LIVE,
        status=Status(status),
        viewer_count=viewers,
        peak_viewers=peak,
        started_at=started_at,
        ended_at=ended_at,
        scheduled_for=scheduled_for,
        streamer=streamer,
        category=CategoryRef(category_id, category, slug, photo) if category_id else None,
        tags=tags,
        source_type=source_type,
        event_id=event_id,
        language=language,
        visibility=visibility,
        playback=playback.of_stream(id_, status, recording_hls, recording_mp4) if may_watch else playback.NOTHING,
    )


def _one(condition: str, parameters: tuple[object, ...], actor: Actor | None) -> StreamView:
    rows = query(f"{_SELECT} WHERE {condition} LIMIT 1", parameters)
    if not rows:
        raise NotFound("No such stream.")
    found = view(rows[0], actor)
    if actor and found.is_live and found.category and found.streamer and found.streamer.id != actor.user_id:
        watching.note_watched(actor.user_id, found.category.id)
    return found


def conditions_of(wanted: Filter, always: str) -> tuple[list[str], list[Any]]:
    """The filter as SQL conditions on `s`, `u` and its parameters; `always` comes first."""
    conditions, parameters = [always], []
    for value, condition in (
        (wanted.category, "s.category_id = (SELECT k.id FROM categories k WHERE k.slug = %s OR k.id::text = %s)"),
        (wanted.tag, "s.tags @> ARRAY[lower(%s)]"),
        (wanted.language, "s.language = %s"),
        (wanted.q, "(s.title ILIKE %s OR u.username ILIKE %s)"),
    ):
        if value is not None:
            text = f"%{_literal(value)}%" if value is wanted.q else value
            conditions.append(condition)
            parameters += [text] * condition.count("%s")
    return conditions, parameters


def _literal(text: str) -> str:
    """The text with LIKE's own characters taken literally."""
    return text.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
