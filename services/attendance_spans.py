"""Being there: when each socket of a person was in a room of an event, as the realtime processes saw it.

A process writes when somebody enters or leaves, and every few seconds that it is alive itself. A
span that it left open ends when the process was last alive: nobody need notice that it died.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from db.connection import query
from db.transactions import atomic
from services import clock

ALIVE_EVERY_S = 5
#: A person who is back within this time was not away: sockets reconnect when a process ends.
BRIDGED_S = 15
#: A process that was not seen for this long is dead, and nobody is in its rooms.
DEAD_AFTER_S = 15


class Visit(msgspec.Struct, frozen=True):
    """One socket of one person in one room; `left_at` is None while they are inside."""

    id: UUID
    room_id: UUID
    user_id: UUID
    entered_at: datetime
    left_at: datetime | None = None


_ALIVE = """
INSERT INTO presence_processes (id, seen_at) VALUES (%s, %s)
ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at"""
_SPANS = """
INSERT INTO attendance_spans (id, event_id, user_id, process_id, entered_at, left_at)
SELECT visit.id, r.event_id, u.id, %(process)s, visit.entered_at,
       CASE WHEN visit.left_at IS NOT NULL THEN greatest(visit.left_at, visit.entered_at) END
FROM unnest(%(ids)s::uuid[], %(rooms)s::uuid[], %(users)s::uuid[], %(entered)s::timestamptz[], %(left)s::timestamptz[])
     AS visit (id, room_id, user_id, entered_at, left_at)
JOIN event_rooms r USING (room_id) JOIN users u ON u.id = visit.user_id
ON CONFLICT (id) DO UPDATE SET left_at = excluded.left_at"""
# Who is there attends, said or not; those who run the event do so only where they say so.
_ATTENDEES = """
INSERT INTO event_users (event_id, user_id, joined_at)
SELECT r.event_id, u.id, min(visit.entered_at)
FROM unnest(%(rooms)s::uuid[], %(users)s::uuid[], %(entered)s::timestamptz[]) AS visit (room_id, user_id, entered_at)
JOIN event_rooms r USING (room_id) JOIN events e ON e.id = r.event_id AND e.status <> 'ENDED'
JOIN users u ON u.id = visit.user_id AND u.role <> 'admin'
GROUP BY r.event_id, u.id
ON CONFLICT DO NOTHING"""


def record(process_id: UUID, visits: Sequence[Visit]) -> None:
    """Note that a process is alive, and what changed in it; the same visits again change nothing."""
    with atomic():
        query(_ALIVE, (process_id, clock.now()))
        if visits:
            columns = _columns(visits)
            query(_SPANS, columns | {"process": process_id})
            query(_ATTENDEES, columns)


def rooms_of_events(room_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these rooms belong to an event."""
    rows = query("SELECT room_id FROM event_rooms WHERE room_id = ANY (%s::uuid[])", (list(room_ids),))
    return {row[0] for row in rows}


def _columns(visits: Sequence[Visit]) -> dict[str, object]:
    return {
        "ids": [visit.id for visit in visits],
        "rooms": [visit.room_id for visit in visits],
        "users": [visit.user_id for visit in visits],
        "entered": [visit.entered_at for visit in visits],
        "left": [visit.left_at for visit in visits],
    }
