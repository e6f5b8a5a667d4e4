"""Telling people, by the channels that they chose: stored first, then pushed to their sockets and mailed."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from db.connection import acting_as_system, query
from db.transactions import atomic
from services import clock, gathered_jobs, jobs
from services.actors import Actor
from services.events import Notified, publish
from services.ids import new_id
from services.notification_kinds import Kind, default_channels
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
        _tell(followers, Kind.STREAM_STARTED, f"{username} is live", title, data, stream_id)
        if len(followers) == FOLLOWERS_AT_ONCE:
            jobs.enqueue(jobs.NOTIFY_FOLLOWERS, stream_id=stream_id, after=followers[-1])


def notifications_of(actor: Actor, limit: int, cursor: str | None) -> Page[NotificationView]:
    """The actor's notifications, unread first, newest first."""
    unread_before, before = decode_cursor(cursor, tuple[bool, UUID]) if cursor else (True, UUID(int=2**128 - 1))
    rows = query(
        """SELECT id, kind, title, body, data, read_at, created_at FROM notifications
           WHERE user_id = %s AND in_app AND (read_at IS NULL, id) < (%s, %s)
           ORDER BY (read_at IS NULL) DESC, id DESC LIMIT %s""",
        (actor.user_id, unread_before, before, limit + 1),
    )
    return cut(rows, limit, lambda row: NotificationView(*row), lambda row: (row[5] is None, row[0]))


def mark_read(actor: Actor, ids: list[UUID] | None) -> int:
    """Mark the given notifications (None: all) as read; returns how many were unread."""
    rows = query(
        """UPDATE notifications SET read_at = %s
           WHERE user_id = %s AND in_app AND read_at IS NULL AND (%s OR id = ANY(%s::uuid[])) RETURNING 1""",
        (clock.now(), actor.user_id, ids is None, ids or []),
    )
    return len(rows)


@acting_as_system("telling others")
def _tell(user_ids: list[UUID], kind: str, title: str, body: str, data: dict[str, Any], cause: UUID | None) -> None:
    if not user_ids:
        return
    channels = default_channels(kind)
    rows = query(
        _TELL,
        {
            "kind": str(kind),
            "title": title[:200],
            "body": body[:1000],
            "data": msgspec.json.encode(data).decode(),
            "cause": cause,
            "at": clock.now(),
            "ids": [new_id() for _ in user_ids],
            "users": user_ids,
            **msgspec.structs.asdict(channels),
        },
    )
    for notification_id, user_id, created_at, push, mail in rows:
        if push:
            shown = (notification_id, str(kind), title[:200], body[:1000], data, None, created_at)
            publish(Notified(**msgspec.structs.asdict(NotificationView(*shown))), user_topic(user_id))
        if mail:
            gathered_jobs.enqueue_with_others(jobs.MAIL_NOTIFICATIONS, notification_id)


# Whoever wants to hear of it by no channel is left out; whoever heard of the same cause before, too.
_TELL = """
WITH wanted AS (
    SELECT told.id, told.user_id, coalesce(p.in_app, %(in_app)s) AS in_app,
           coalesce(p.push, %(push)s) AS push, coalesce(p.mail, %(mail)s) AS mail
    FROM unnest(%(ids)s::uuid[], %(users)s::uuid[]) AS told (id, user_id)
    LEFT JOIN notification_preferences p ON p.user_id = told.user_id AND p.kind = %(kind)s
), kept AS (
    INSERT INTO notifications (id, user_id, kind, title, body, data, cause_id, created_at, in_app, wants_mail)
    SELECT id, user_id, %(kind)s, %(title)s, %(body)s, %(data)s::jsonb, %(cause)s, %(at)s, in_app, mail
    FROM wanted WHERE in_app OR push OR mail
    ON CONFLICT DO NOTHING RETURNING id, user_id, created_at
)
SELECT kept.id, kept.user_id, kept.created_at, wanted.push, wanted.mail FROM kept JOIN wanted USING (id)"""


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
