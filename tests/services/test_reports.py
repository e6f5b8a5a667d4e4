"""Reports: of what, by whom, whose they are to answer, and who is told."""

import pytest

from services import chat, lounges, messages, notifications, report_queue, reports, rooms
from services.actors import Role
from services.chat import Draft
from services.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited
from services.ids import new_id
from services.lounges import LoungeDraft, LoungeVisibility
from services.report_queue import ReportStatus, Resolution
from services.reports import NewReport
from tests.factories import actor_of, make_channel, make_post, make_stream, make_user

OPEN = ReportStatus.OPEN


def test_a_message_is_reported_with_its_words_and_answered_by_the_rooms_moderators() -> None:
    streamer, author, one, other = make_user(role=Role.STREAMER), make_user(), make_user(), make_user()
    room = rooms.find_room(f"stream:{make_stream(make_channel(streamer)).id}")
    message = chat.send_message(Draft(room=room, actor=actor_of(author), text="bad words"))
    first = reports.report(actor_of(one), NewReport(message_id=message.id, reason="rude"))
    reports.report(actor_of(other), NewReport(message_id=message.id, reason="very rude"))
    messages.delete_message(actor_of(author), str(message.id))
    queue = report_queue.reports(actor_of(streamer), None, OPEN, 10, None).items
    assert [(r.reason, r.excerpt, r.user.id if r.user else None) for r in queue] == [
        ("rude", "bad words", author.id),
        ("very rude", "bad words", author.id),
    ]
    answered = report_queue.resolve(actor_of(streamer), str(first.id), Resolution(outcome="Banned."))
    assert (answered.status, answered.outcome) == (ReportStatus.RESOLVED, "Banned.")
    assert report_queue.reports(actor_of(streamer), None, OPEN, 10, None).items == []
    for reporter in (one, other):
        (told,) = notifications.notifications_of(actor_of(reporter), 10, None).items
        assert (told.kind, told.body) == ("moderation", "Banned.")
    with pytest.raises(Conflict):
        report_queue.resolve(actor_of(streamer), str(first.id), Resolution(status=ReportStatus.DISMISSED))


def test_the_same_thing_is_reported_once_until_it_was_answered() -> None:
    reporter, staff, stream = make_user(), make_user(role=Role.MODERATOR), make_stream()
    new = NewReport(stream_id=stream.id, reason="not his own film")
    first = reports.report(actor_of(reporter), new)
    with pytest.raises(Conflict, match="already"):
        reports.report(actor_of(reporter), new)
    report_queue.resolve(actor_of(staff), str(first.id), Resolution(status=ReportStatus.DISMISSED))
    assert reports.report(actor_of(reporter), new).status is OPEN


def test_what_concerns_the_streamer_is_for_the_staff_alone() -> None:
    streamer, staff, viewer = make_user(role=Role.STREAMER), make_user(role=Role.MODERATOR), make_user()
    stream = make_stream(make_channel(streamer))
    room = rooms.find_room(f"stream:{stream.id}")
    message = chat.send_message(Draft(room=room, actor=actor_of(streamer), text="x"))
    made = [
        reports.report(actor_of(viewer), new)
        for new in (
            NewReport(message_id=message.id, reason="r"),
            NewReport(stream_id=stream.id, reason="r"),
            NewReport(user_id=streamer.id, reason="r"),
            NewReport(post_id=make_post(streamer).id, reason="r"),
        )
    ]
    assert report_queue.reports(actor_of(streamer), None, OPEN, 10, None).items == []
    with pytest.raises(NotFound):
        report_queue.resolve(actor_of(streamer), str(made[0].id), Resolution())
    with pytest.raises(Forbidden):
        report_queue.reports(actor_of(viewer), None, OPEN, 10, None)
    assert [r.id for r in report_queue.reports(actor_of(staff), None, OPEN, 10, None).items] == [r.id for r in made]
    page = report_queue.reports(actor_of(staff), None, OPEN, 3, None)
    rest = report_queue.reports(actor_of(staff), None, OPEN, 3, page.next_cursor)
    assert [r.id for r in page.items + rest.items] == [r.id for r in made]


def test_a_report_is_of_one_thing_that_one_may_know_of_and_not_of_oneself() -> None:
    owner, viewer = make_user(), make_user()
    for new in (NewReport(reason="x"), NewReport(reason="x", user_id=owner.id, post_id=new_id())):
        with pytest.raises(Invalid):
            reports.report(actor_of(viewer), new)
    with pytest.raises(Invalid):
        reports.report(actor_of(viewer), NewReport(reason="x", user_id=viewer.id))
    lounge = lounges.create_lounge(actor_of(owner), LoungeDraft(name="Den", visibility=LoungeVisibility.PRIVATE))
    room = rooms.find_room(lounge.room, actor_of(owner))
    secret = chat.send_message(Draft(room=room, actor=actor_of(owner), text="secret"))
    hidden = make_post(owner, visibility="FOLLOWERS")
    for new in (
        NewReport(reason="x", message_id=secret.id),
        NewReport(reason="x", post_id=hidden.id),
        NewReport(reason="x", stream_id=new_id()),
        NewReport(reason="x", user_id=new_id()),
    ):
        with pytest.raises(NotFound):
            reports.report(actor_of(viewer), new)


def test_nobody_floods_the_queue() -> None:
    viewer = make_user()
    for _ in range(20):
        reports.report(actor_of(viewer), NewReport(reason="x", user_id=make_user().id))
    with pytest.raises(RateLimited):
        reports.report(actor_of(viewer), NewReport(reason="x", user_id=make_user().id))
