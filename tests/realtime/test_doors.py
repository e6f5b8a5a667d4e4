"""Who may not be in a room any more is out of it at once, whatever it was that changed."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from db.connection import connection
from services import (
    breakout_rooms,
    event_changes,
    event_sessions,
    lounge_members,
    lounges,
    sessions,
    user_administration,
)
from services.actors import Role
from services.breakout_rooms import RoomDraft
from services.event_sessions import EventSessionView
from services.live_events import EventPatch
from services.lounge_members import Invitation
from services.lounges import LoungeDraft, LoungeVisibility
from services.projects import Stage
from services.sessions import Device
from services.user_administration import UserPatch
from settings import Settings
from tests.factories import actor_of, make_user
from tests.live_events import ORGANISER, make_event, make_organiser, make_session
from tests.realtime.conftest import Start
from tests.realtime.running import Crowd, Event, Person, play


def token_of(user: Any) -> str:
    return sessions.open_session(user.id, Device()).access_token


async def elsewhere(work: Callable[[], Any]) -> Any:
    """Do something as the API would."""

    def with_connection() -> Any:
        with connection():
            return work()

    return await asyncio.to_thread(with_connection)


async def put_out(person: Person, room: str) -> None:
    closed = await person.hear_type("room_closed")
    assert closed["room"] == room


@pytest.fixture
def session(committed_db: Settings) -> EventSessionView:
    with connection():
        return make_session()


def test_an_event_that_becomes_a_draft_is_left_by_all_but_its_organisers(
    start: Start, session: EventSessionView
) -> None:
    process, room = start(), f"session:{session.id}"
    with connection():
        admin, viewer = token_of(make_organiser()), token_of(make_user())

    def move(stage: Stage) -> Any:
        return event_changes.edit_event(ORGANISER, str(session.event_id), EventPatch(status=stage))

    async def scene(crowd: Crowd) -> tuple[list[Event], Event]:
        guest, attendee, organiser = [await crowd.person(process) for _ in range(3)]
        await guest.ask("join", room=room)
        await attendee.ask("join", room=room, token=viewer)
        await organiser.ask("join", room=room, token=admin)
        assert (await attendee.ask("chat", text="hello"))["type"] == "ack"
        await elsewhere(lambda: move(Stage.DRAFT))
        await put_out(guest, room)
        await put_out(attendee, room)
        refused = [await attendee.ask("chat", text="still here", room=room), await attendee.ask("join", room=room)]
        assert (await organiser.ask("chat", text="among ourselves"))["type"] == "ack"
        await elsewhere(lambda: move(Stage.LIVE))
        joined = await attendee.ask("join", room=room, since=1)
        assert (await attendee.ask("chat", text="back"))["type"] == "ack"
        return refused, joined

    refused, joined = play(scene)
    assert [answer.get("code") for answer in refused] == ["room_not_found"] * 2
    assert [message["text"] for message in joined["messages"]] == ["among ourselves"]


def test_whoever_is_in_a_room_that_is_deleted_is_told(start: Start, session: EventSessionView) -> None:
    process = start()
    with connection():
        breakout = breakout_rooms.create_breakout_room(ORGANISER, RoomDraft(event_id=session.event_id, name="A room"))
        other = make_session()
    rooms = [f"breakout:{breakout.id}", f"session:{session.id}", f"session:{other.id}"]
    deletions: list[Callable[[], Any]] = [
        lambda: breakout_rooms.delete_breakout_room(ORGANISER, breakout.id),
        lambda: event_sessions.delete_session(ORGANISER, session.id),
        lambda: event_changes.delete_event(ORGANISER, str(other.event_id)),
    ]

    async def scene(crowd: Crowd) -> None:
        guest = await crowd.person(process)
        for room in rooms:
            await guest.ask("join", room=room)
        for room, delete in zip(rooms, deletions, strict=True):
            await elsewhere(delete)
            await put_out(guest, room)
            assert (await guest.ask("join", room=room))["code"] == "room_not_found"

    play(scene)


class Den:
    """A private lounge, its owner's token, and a member's."""

    def __init__(self) -> None:
        with connection():
            owner, member = make_user(), make_user()
            self.owner, self.member, self.stranger = token_of(owner), token_of(member), token_of(make_user())
            made = lounges.create_lounge(actor_of(owner), LoungeDraft(name="Den", visibility=LoungeVisibility.PRIVATE))
            lounge_members.invite(actor_of(owner), str(made.id), Invitation(user_id=member.id))
        self.room = f"lounge:{made.id}"


def test_a_member_who_signs_out_leaves_what_is_private(start: Start, committed_db: Settings) -> None:
    process, den = start(), Den()
    me = sessions.verify_access_token(den.member)
    assert me.session_id is not None
    session_id = me.session_id

    async def scene(crowd: Crowd) -> list[Event]:
        host, guest = await crowd.person(process), await crowd.person(process)
        await host.ask("join", room=den.room, token=den.owner)
        await guest.ask("join", room=den.room, token=den.member)
        await elsewhere(lambda: sessions.revoke(me, session_id))
        async with asyncio.timeout(5):  # the look that is taken now and then comes later
            await put_out(guest, den.room)
        await host.ask("chat", text="private")
        assert (await guest.ask("join", room=den.room))["code"] == "room_not_found"
        return guest.messages()

    assert play(scene) == []


def test_whoever_signs_in_as_another_is_where_that_one_may_be(start: Start, committed_db: Settings) -> None:
    process, den = start(), Den()

    async def scene(crowd: Crowd) -> list[Event]:
        host, guest = await crowd.person(process), await crowd.person(process)
        await host.ask("join", room=den.room, token=den.owner)
        await guest.ask("join", room=den.room, token=den.member)
        await guest.ask("authenticate", token=den.member)
        await guest.ask("typing")
        await guest.ask("authenticate", token=den.stranger)
        await host.ask("chat", text="private")
        assert (await guest.ask("chat", text="hello", room=den.room))["code"] == "room_not_found"
        return guest.heard

    heard = play(scene)
    assert [event["room"] for event in heard if event["type"] == "room_closed"] == [f"{heard[0]['room']}"]
    assert not [event for event in heard if event["type"] == "new_message"]


def test_whoever_loses_an_office_leaves_what_it_opened(start: Start, session: EventSessionView) -> None:
    process, room = start(), f"session:{session.id}"
    with connection():
        colleague = make_organiser()
        admin = token_of(colleague)
        hidden = make_session(make_event(Stage.DRAFT))
        event_changes.edit_event(ORGANISER, str(session.event_id), EventPatch(status=Stage.DRAFT))

    def demote() -> Any:
        patch = UserPatch(role=Role.VIEWER)
        return user_administration.change_user(actor_of(make_organiser()), colleague.id, patch)

    async def scene(crowd: Crowd) -> Event:
        person = await crowd.person(process)
        assert (await person.ask("join", room=room, token=admin))["type"] == "ack"
        await elsewhere(demote)
        await put_out(person, room)
        return await person.ask("join", room=f"session:{hidden.id}")

    assert play(scene)["code"] == "room_not_found"
