"""Streams as people see and set them: lists, metadata, playback."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from db.connection import query
from services import entitlements, playback, watching
from services.actors import Actor
from services.categories import CategoryRef
from services.errors import NotFound
from services.pages import Count, Page, cut, decode_cursor
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
    source_url: str | None
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
       g.id, g.name, g.slug, g.photo, r.hls, r.mp4, s.event_id, r.preview, s.source_url,
       s.media_name
FROM streams s JOIN channels h ON h.id = s.channel_id LEFT JOIN users u ON u.id = h.user_id
LEFT JOIN categories g ON g.id = s.category_id
LEFT JOIN recordings r ON r.stream_id = s.id AND r.status = 'READY'
"""  # noqa: S608 - built from constants
_ID, _VISIBILITY = PUBLIC_COLUMNS, PUBLIC_COLUMNS + 13
_LIVE = "s.status = 'LIVE' AND s.visibility <> 'UNLISTED' AND s.event_id IS NULL"
#: Streams of suspended people are staff's alone to see, drafts' administrators'.
_KNOWN = """(u.suspended_at IS NULL OR %s) AND (s.event_id IS NULL OR %s
             OR EXISTS (SELECT FROM events e WHERE e.id = s.event_id AND e.status <> 'DRAFT'))"""
_ORDERS = {
    Sort.VIEWERS: (
        "(s.viewer_count, s.id) < (%s, %s)",
        "s.viewer_count DESC, s.id DESC",
        tuple[Count, UUID],
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
    # The limit is part of the text: a plan made for any limit would not trust the index to stop early.
    sql = f"{_SELECT} WHERE {' AND '.join(conditions)} ORDER BY {order} LIMIT {limit + 1}"
    rows = query(sql, tuple(parameters), prepared=True)
    return _page(rows, limit, None, lambda row: (row[key_column], row[_ID]))


def stream(stream_id: UUID, actor: Actor | None = None) -> StreamView:
    """One stream; raises NotFound, also for one of a draft or of somebody suspended that the actor may not know of."""
    is_staff, is_admin = (actor.is_moderator, actor.is_admin) if actor else (False, False)
    return _one(f"s.id = %s AND {_KNOWN}", (stream_id, is_staff, is_admin), actor)


def any_stream(stream_id: UUID) -> StreamView:
    """One stream as the system sees it, whoever else may; raises NotFound."""
    return _one("s.id = %s", (stream_id,), None)


def may_watch(stream: StreamView, actor: Actor | None) -> bool:
    """Whether somebody may play a stream that they may know of."""
    return entitlements.may_watch(actor, stream.visibility, stream.streamer.id if stream.streamer else None)


def channel_of(stream_id: UUID) -> UUID:
    """The channel of a stream; raises NotFound."""
    rows = query("SELECT channel_id FROM streams WHERE id = %s AND channel_id IS NOT NULL", (stream_id,))
    if not rows:
        raise NotFound("No such stream.")
    return UUID(str(rows[0][0]))


def stream_of_streamer(username: str, actor: Actor | None = None) -> StreamView:
    """A streamer's current stream, or the last one, of those listed; all to the streamer. Raises NotFound."""
    current = """lower(u.username) = lower(%s) AND (s.visibility <> 'UNLISTED' OR %s OR u.id = %s)
                 AND (u.suspended_at IS NULL OR %s)
                 ORDER BY s.status = 'LIVE' DESC, s.status = 'ENDED' DESC, s.id DESC"""
    sees_all, user_id, is_staff = (actor.is_admin, actor.user_id, actor.is_moderator) if actor else (False, None, False)
    return _one(current, (username, sees_all, user_id, is_staff), actor)


def streams_by_id(ids: Sequence[UUID], actor: Actor | None) -> list[StreamView]:
    """The streams with these ids, in this order; those that are gone are left out."""
    if not ids:
        return []
    rows = query(f"{_SELECT} WHERE s.id = ANY(%s::uuid[])", (list(ids),))
    seen = _seen(rows, actor)
    found = {row[_ID]: view(row, seen) for row in rows}
    return [found[stream_id] for stream_id in ids if stream_id in found]


def past_streams(actor: Actor, limit: int, cursor: str | None) -> Page[StreamView]:
    """The actor's ended streams with their recordings, newest first; what was called off never ran."""
    before = decode_cursor(cursor, tuple[UUID])[0] if cursor else UUID(int=2**128 - 1)
    ran = "s.status = 'ENDED' AND s.started_at IS NOT NULL"
    sql = f"{_SELECT} WHERE u.id = %s AND {ran} AND s.id < %s ORDER BY s.id DESC LIMIT %s"
    rows = query(sql, (actor.user_id, before, limit + 1))
    return _page(rows, limit, actor, lambda row: (row[_ID],))


def view(row: Sequence[Any], seen: Collection[UUID]) -> StreamView:
    """A row of the streams query, for a viewer who may see what the streamers in `seen` show to subscribers."""
    streamer = public_view(row) if row[0] else None
    id_, title, description, thumbnail, status, viewers, peak, started_at, ended_at = row[PUBLIC_COLUMNS:][:9]
    scheduled_for, tags, source_type, language, visibility = row[PUBLIC_COLUMNS + 9 :][:5]
    category_id, category, slug, photo, recording_hls, recording_mp4, event_id = row[PUBLIC_COLUMNS + 14 :][:7]
    preview, source_url, media_name = row[PUBLIC_COLUMNS + 21 :]
    watchable = visibility != "SUBSCRIBERS" or (streamer is not None and streamer.id in seen)
    if not watchable:
        playable = playback.NOTHING
    elif media_name is not None:
        playable = playback.of_media_server(source_type, status, media_name)
    elif source_url is not None:
        playable = playback.of_source(source_type, source_url)
    else:
        playable = playback.of_stream(id_, status, recording_hls, recording_mp4, visibility, preview)
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
        source_url=source_url if watchable else None,
        event_id=event_id,
        language=language,
        visibility=visibility,
        playback=playable,
    )


def _one(condition: str, parameters: tuple[object, ...], actor: Actor | None) -> StreamView:
    rows = query(f"{_SELECT} WHERE {condition} LIMIT 1", parameters, prepared=True)
    if not rows:
        raise NotFound("No such stream.")
    found = view(rows[0], _seen(rows, actor))
    if actor and found.is_live and found.category and found.streamer and found.streamer.id != actor.user_id:
        watching.note_watched(actor.user_id, found.category.id)
    return found


def _page(
    rows: list[tuple[Any, ...]], limit: int, actor: Actor | None, key: Callable[[Sequence[Any]], tuple[Any, ...]]
) -> Page[StreamView]:
    seen = _seen(rows, actor)
    return cut(rows, limit, lambda row: view(row, seen), key)


def _seen(rows: list[tuple[Any, ...]], actor: Actor | None) -> set[UUID]:
    """Of the streamers whose streams are for subscribers, those whose content the actor may see."""
    return entitlements.seen_by(actor, {row[0] for row in rows if row[0] and row[_VISIBILITY] == "SUBSCRIBERS"})


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
