"""How long somebody was there: worked out from what the realtime processes saw, whatever happened to them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from services import attendance, attendance_spans, clock, event_changes
from services.actors import Role
from services.attendance import Attendee
from services.attendance_spans import BRIDGED_S, Visit
from services.event_sessions import EventSessionView, visible_session
from services.ids import new_id
from services.live_events import EventPatch
from services.projects import Stage
from tests.factories import make_channel, make_user
from tests.live_events import ORGANISER, make_event, make_organiser, make_session

T0 = datetime(2030, 5, 1, 18, tzinfo=UTC)
PROCESS, OTHER = new_id(), new_id()


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def visit(session: EventSessionView, user_id: UUID, entered: float, left: float | None = None) -> Visit:
    room_id = visible_session(ORGANISER, session.id).room_id
    return Visit(new_id(), room_id, user_id, at(entered), None if left is None else at(left))


def seen(process: UUID, second: float, *visits: Visit) -> None:
    """A process tells, at a second, that it is alive and what changed in it."""
    with clock.frozen(at(second)):
        attendance_spans.record(process, visits)


def rows(session: EventSessionView, second: float) -> list[Attendee]:
    with clock.frozen(at(second)):
        return attendance.attendees(ORGANISER, str(session.event_id), 100, None).items


def test_who_is_in_a_room_attends_without_saying_so() -> None:
    session, user = make_session(), make_user()
    seen(PROCESS, 0, visit(session, user.id, 0))
    [row] = rows(session, 5)
    assert (row.user.id, row.joined_at, row.left_at, row.is_present) == (user.id, at(0), None, True)


def test_those_who_run_the_event_attend_only_if_they_say_so() -> None:
    session, organiser = make_session(), make_organiser()
    seen(PROCESS, 0, visit(session, organiser.id, 0))
    assert rows(session, 5) == []


def test_watch_time_grows_while_the_process_is_alive_and_ends_with_the_visit() -> None:
    session, user = make_session(), make_user()
    inside = visit(session, user.id, 0)
    seen(PROCESS, 0, inside)
    seen(PROCESS, 60)
    assert rows(session, 61)[0].watch_time_seconds == 60
    left = Visit(inside.id, inside.room_id, inside.user_id, inside.entered_at, at(90))
    seen(PROCESS, 91, left)
    seen(PROCESS, 300)
    [row] = rows(session, 300)
    assert (row.watch_time_seconds, row.left_at, row.is_present) == (90, at(90), False)


def test_a_process_that_dies_counts_for_nobody_after_it_was_last_seen() -> None:
    session, user = make_session(), make_user()
    seen(PROCESS, 0, visit(session, user.id, 0))
    seen(PROCESS, 40)
    [row] = rows(session, 3600)
    assert (row.watch_time_seconds, row.is_present, row.left_at) == (40, False, at(40))


def test_a_reconnect_to_another_process_loses_and_doubles_nothing() -> None:
    session, user = make_session(), make_user()
    seen(PROCESS, 0, visit(session, user.id, 0))
    seen(PROCESS, 55)  # killed at 58
    seen(OTHER, 60, visit(session, user.id, 60))
    seen(OTHER, 120)
    assert rows(session, 121)[0].watch_time_seconds == 120


def test_being_away_for_longer_is_not_watching() -> None:
    session, user = make_session(), make_user()
    away = BRIDGED_S + 1
    seen(PROCESS, 100, visit(session, user.id, 0, 30), visit(session, user.id, 30 + away, 60 + away))
    assert rows(session, 200)[0].watch_time_seconds == 60


def test_several_tabs_rooms_and_processes_count_once() -> None:
    event, user = make_event(), make_user()
    one, two = make_session(event), make_session(event)
    seen(PROCESS, 100, visit(one, user.id, 0, 60), visit(two, user.id, 10, 70), visit(one, user.id, 20, 30))
    seen(OTHER, 100, visit(two, user.id, 5, 80))
    assert rows(one, 200)[0].watch_time_seconds == 80


def test_telling_twice_changes_nothing() -> None:
    session, user = make_session(), make_user()
    told = visit(session, user.id, 0, 60)
    for _ in range(2):
        seen(PROCESS, 60, told)
    assert [row.watch_time_seconds for row in rows(session, 61)] == [60]


def test_presence_after_the_end_is_no_attendance() -> None:
    session, user, late = make_session(), make_user(), make_user()
    seen(PROCESS, 0, visit(session, user.id, 0))
    with clock.frozen(at(30)):
        event_changes.edit_event(ORGANISER, str(session.event_id), EventPatch(status=Stage.ENDED))
    seen(PROCESS, 500, visit(session, late.id, 100))
    [row] = rows(session, 501)
    assert (row.user.id, row.watch_time_seconds, row.left_at) == (user.id, 30, at(30))


def test_rooms_that_are_no_event_s_are_passed_over() -> None:
    channel = make_channel()
    assert attendance_spans.rooms_of_events([channel.room_id]) == set()
    viewer = make_user(role=Role.VIEWER)
    attendance_spans.record(PROCESS, [Visit(new_id(), channel.room_id, viewer.id, at(0))])
