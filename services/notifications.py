"""Telling people: stored first, then pushed to their sockets."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from db.connection import query
from db.transactions import atomic
from services import clock, jobs
from services.actors import Actor
from services.errors import Invalid
from services.events import Notified, publish
from services.ids import new_id
from services.pages import Page, cut, decode_cursor
from services.topics import user_topic

FOLLOWERS_AT_ONCE = 500


class NotificationView(msgspec.Struct, frozen=True, rename="camel"):
    """A notification as its reader sees it."""

    id: UUID
    kind: str
    title: str
    body: str
    data: dict[str, Any]
    read_at: datetime | None
    created_at: datetime


def notify(
    user_id: UUID,
    kind: str,
    title: str,
    body: str = "",
    data: dict[str, Any] | None = None,
    *,
    cause: UUID | None = None,
) -> None:
    """Tell one person; with `cause`, only once of it."""
    with atomic():
        _tell([user_id], kind, title, body, data or {}, cause)


def notify_followers(stream_id: UUID, after: UUID | None = None) -> None:
    """Tell the next few hundred followers that a stream began, and ask for the rest as another job.

    `after` is the last follower told. Run twice, nobody hears twice.
    """
    with atomic():
        streamer = _streamer_of(stream_id)
        if streamer is None:
            return
        streamer_id, username, title = streamer
        followers = _followers(streamer_id, after or UUID(int=0))
        data = {"streamId": str(stream_id), "username": username}
        _tell(followers, "stream_started", f"{username} is live", title, data, stream_id)
        if len(followers) == FOLLOWERS_AT_ONCE:
            jobs.enqueue(jobs.NOTIFY_FOLLOWERS, stream_id=stream_id, after=followers[-1])


def notifications_of(actor: Actor, limit: int, cursor: str | None) -> Page[NotificationView]:
    """The actor's notifications, unread first, newest first."""
    unread_before, before = decode_cursor(cursor, tuple[bool, UUID]) if cursor else (True, UUID(int=2**128 - 1))
    rows = query(
        """SELECT id, kind, title, body, data, read_at, created_at FROM notifications
           WHERE user_id = %s AND (read_at IS NULL, id) < (%s, %s)
           ORDER BY read_at IS NULL DESC, id DESC LIMIT %s""",
        (actor.user_id, unread_before, before, limit + 1),
    )
    return cut(rows, limit, lambda row: NotificationView(*row), lambda row: (row[5] is None, row[0]))


def mark_read(actor: Actor, ids: list[UUID] | None) -> int:
    """Mark the given notifications (None: all) as read; returns how many were unread."""
    if ids is not None and not ids:
        raise Invalid.field("ids", "must not be empty")
    rows = query(
        """UPDATE notifications SET read_at = %s
           WHERE user_id = %s AND read_at IS NULL AND (%s OR id = ANY(%s::uuid[])) RETURNING 1""",
        (clock.now(), actor.user_id, ids is None, ids or []),
    )
    return len(rows)


def _tell(user_ids: list[UUID], kind: str, title: str, body: str, data: dict[str, Any], cause: UUID | None) -> None:
    if not user_ids:
        return
    rows = query(
        """INSERT INTO notifications (id, user_id, kind, title, body, data, cause_id, created_at)
           SELECT id, user_id, %s, %s, %s, %s::jsonb, %s, %s FROM unnest(%s::uuid[], %s::uuid[]) AS t (id, user_id)
           ON CONFLICT DO NOTHING RETURNING id, user_id, created_at""",
        (
            kind,
            title[:200],
            body[:1000],
            msgspec.json.encode(data).decode(),
            cause,
            clock.now(),
            [new_id() for _ in user_ids],
            user_ids,
        ),
    )
    for notification_id, user_id, created_at in rows:
        event = Notified(
            id=notification_id, kind=kind, title=title, body=body, data=data, read_at=None, created_at=created_at
        )
        publish(event, user_topic(user_id))


def _streamer_of(stream_id: UUID) -> tuple[UUID, str, str] | None:
    rows = query(
        """SELECT u.id, u.username, s.title FROM streams s JOIN channels c ON c.id = s.channel_id
           JOIN users u ON u.id = c.user_id WHERE s.id = %s AND s.status = 'LIVE'""",
        (stream_id,),
    )
    return rows[0] if rows else None


def _followers(streamer_id: UUID, after: UUID) -> list[UUID]:
    rows = query(
        "SELECT follower_id FROM follows WHERE following_id = %s AND follower_id > %s ORDER BY follower_id LIMIT %s",
        (streamer_id, after, FOLLOWERS_AT_ONCE),
    )
    return [row[0] for row in rows]
