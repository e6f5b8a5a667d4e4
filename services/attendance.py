"""Attending an event: joining, leaving, and what the organiser sees of everybody who came."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from db.connection import query
from services import clock
from services.actors import Actor
from services.attendance_spans import BRIDGED_S, DEAD_AFTER_S
from services.bus import bus
from services.engagement import Activity, score
from services.errors import Conflict
from services.events import UserRef
from services.live_events import visible_event
from services.organisers import must_organise
from services.pages import Page, cut, decode_cursor
from services.projects import Stage

EXPORT_BATCH = 200
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Attendance(msgspec.Struct, frozen=True, rename="camel"):
    """Whether somebody attends an event, since when and until when."""

    event_id: UUID
    joined: bool
    joined_at: datetime
    left_at: datetime | None


class Attendee(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Somebody who came; `leftAt` is None while they are there, or have never been seen there.

    `engagementScore` is the sum of the counts in `engagement`, each times its weight.
    """

    user: UserRef
    joined_at: datetime
    left_at: datetime | None
    is_present: bool
    watch_time_seconds: int
    engagement_score: int
    engagement: Activity


# A span that is open lasts as long as its process was seen alive; none outlasts the event. Each is
# made longer by the time that is bridged, so that neighbours merge; every merged stretch gives it back.
_ROWS = """
WITH page AS MATERIALIZED (
    SELECT a.event_id, a.user_id, a.joined_at, a.left_at FROM event_users a
    WHERE a.event_id = %(event)s AND (a.joined_at, a.user_id) > (%(after)s, %(after_id)s)
    ORDER BY a.joined_at, a.user_id LIMIT %(limit)s
), rooms AS MATERIALIZED (
    SELECT array_agg(room_id) AS ids FROM event_rooms WHERE event_id = %(event)s
), sessions AS MATERIALIZED (
    SELECT array_agg(id) AS ids FROM event_sessions WHERE event_id = %(event)s
)
SELECT u.id, u.username, u.name, u.avatar, page.joined_at,
       CASE WHEN presence.is_present THEN NULL ELSE greatest(page.left_at, presence.last_seen_at) END,
       coalesce(presence.is_present, false), coalesce(watched.seconds, 0)::bigint,
       (SELECT count(*) FROM messages m
        WHERE m.author_id = page.user_id AND m.room_id = ANY (rooms.ids) AND NOT m.is_deleted),
       (SELECT count(*) FROM questions q
        WHERE q.author_id = page.user_id AND q.session_id = ANY (sessions.ids) AND NOT q.is_hidden),
       (SELECT count(*) FROM question_upvotes v JOIN questions q ON q.id = v.question_id
        WHERE v.user_id = page.user_id AND q.session_id = ANY (sessions.ids)),
       (SELECT count(*) FROM poll_votes v JOIN polls p ON p.id = v.poll_id
        WHERE v.user_id = page.user_id AND p.session_id = ANY (sessions.ids)),
       (SELECT count(*) FROM survey_responses r JOIN surveys s ON s.id = r.survey_id
        WHERE r.user_id = page.user_id AND s.session_id = ANY (sessions.ids))
FROM page JOIN users u ON u.id = page.user_id CROSS JOIN rooms CROSS JOIN sessions
LEFT JOIN LATERAL (
    SELECT range_agg(tstzrange(span.entered_at, span.until + %(bridged)s * interval '1 second')) AS stretches,
           max(span.until) AS last_seen_at,
           bool_or(span.is_open AND span.entered_at > coalesce(page.left_at, '-infinity')) AS is_present
    FROM (
        SELECT s.entered_at, least(coalesce(s.left_at, p.seen_at), e.ended_at) AS until,
               s.left_at IS NULL AND e.ended_at IS NULL
               AND p.seen_at > %(now)s - %(dead)s * interval '1 second' AS is_open
        FROM attendance_spans s JOIN presence_processes p ON p.id = s.process_id JOIN events e ON e.id = s.event_id
        WHERE s.event_id = page.event_id AND s.user_id = page.user_id
    ) AS span
    WHERE span.until >= span.entered_at
) AS presence ON true
LEFT JOIN LATERAL (
    SELECT sum(extract(epoch FROM upper(stretch) - lower(stretch)) - %(bridged)s) AS seconds
    FROM unnest(presence.stretches) AS stretch
) AS watched ON true
ORDER BY page.joined_at, page.user_id"""

_JOIN = """
INSERT INTO event_users (event_id, user_id, joined_at) VALUES (%s, %s, %s)
ON CONFLICT ON CONSTRAINT event_users_once DO UPDATE SET left_at = NULL RETURNING joined_at, left_at"""
_LEAVE = """
UPDATE event_users SET left_at = coalesce(left_at, %s) WHERE event_id = %s AND user_id = %s
RETURNING joined_at, left_at"""


def join(actor: Actor, event_key: str) -> Attendance:
    """Attend an event; doing it again changes nothing. Raises NotFound, Conflict after its end."""
    event = visible_event(actor, event_key)
    if event.status == Stage.ENDED.value:
        raise Conflict("The event has ended.", "event_ended")
    [(joined_at, left_at)] = query(_JOIN, (event.id, actor.user_id, clock.now()))
    return Attendance(event.id, True, joined_at, left_at)


def leave(actor: Actor, event_key: str) -> Attendance:
    """Leave an event; doing it again changes nothing. Raises NotFound, Conflict for who never joined."""
    event = visible_event(actor, event_key)
    rows = query(_LEAVE, (clock.now(), event.id, actor.user_id))
    if not rows:
        raise Conflict("You do not attend this event.", "not_joined")
    return Attendance(event.id, False, *rows[0])


def attendees(actor: Actor, event_key: str, limit: int, cursor: str | None) -> Page[Attendee]:
    """Who came to an event, in the order in which they did; raises Forbidden, NotFound."""
    must_organise(actor)
    event = visible_event(actor, event_key)
    after, after_id = decode_cursor(cursor, tuple[datetime, UUID]) if cursor else (BEGINNING, UUID(int=0))
    rows = _rows(event.id, after, after_id, limit + 1)
    return cut(rows, limit, _view, lambda row: (row[4], row[0]))


def all_attendees(actor: Actor, event_key: str) -> Iterator[Attendee]:
    """Everybody who came, batch by batch; raises Forbidden, NotFound at once."""
    must_organise(actor)
    return _batches(visible_event(actor, event_key).id)


def _batches(event_id: UUID) -> Iterator[Attendee]:
    after, after_id = BEGINNING, UUID(int=0)
    while True:
        rows = _rows(event_id, after, after_id, EXPORT_BATCH)
        yield from map(_view, rows)
        if len(rows) < EXPORT_BATCH:
            return
        after, after_id = rows[-1][4], rows[-1][0]


def _rows(event_id: UUID, after: datetime, after_id: UUID, limit: int) -> list[tuple[Any, ...]]:
    return query(
        _ROWS,
        {
            "event": event_id,
            "after": after,
            "after_id": after_id,
            "limit": limit,
            "bridged": BRIDGED_S,
            "dead": DEAD_AFTER_S,
            "now": clock.now(),
        },
    )


def _view(row: tuple[Any, ...]) -> Attendee:
    *user, joined_at, left_at, is_present, watched_s, messages, questions, upvotes, votes, answers = row
    done = Activity(
        messages=messages,
        questions=questions,
        upvotes=upvotes,
        poll_votes=votes,
        survey_answers=answers,
        minutes_watched=watched_s // 60,
    )
    return Attendee(
        user=UserRef(*user),
        joined_at=joined_at,
        left_at=left_at,
        is_present=is_present,
        watch_time_seconds=watched_s,
        engagement_score=score(done, msgspec.convert(bus.settings.engagement_weights, Activity)),
        engagement=done,
    )
