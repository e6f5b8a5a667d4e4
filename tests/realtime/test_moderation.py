"""Moderation over two processes: what a moderator does on one is felt on the other within a second."""

import asyncio
from contextlib import suppress
from time import monotonic
from typing import Any
from uuid import UUID

import msgspec
import pytest

from db.connection import connection
from db.models.users import User
from services import lounge_members, lounges, moderation, room_moderators, sessions
from services.actors import Actor, Role
from services.lounge_members import Invitation
from services.lounges import LoungeDraft, LoungePatch, LoungeVisibility
from services.moderation import BanDraft
from services.moderation_scope import EVERYWHERE
from services.sessions import Device
from settings import Settings
from tests.factories import actor_of, make_user
from tests.realtime.conftest import Show, Start
from tests.realtime.running import Crowd, Event, Person, play

FELT_S = 1


class Someone(msgspec.Struct, frozen=True):
    """A signed-in person."""

    id: UUID
    token: str
    actor: Actor


def someone(role: Role = Role.VIEWER) -> Someone:
    with connection():
        user: User = make_user(role=role)
        return Someone(user.id, sessions.open_session(user.id, Device()).access_token, actor_of(user))


async def joined(crowd: Crowd, process: Any, room: str, token: str) -> Person:
    person = await crowd.person(process)
    answer = await person.ask("join", room=room, token=token)
    assert answer["type"] == "ack", answer
    return person


def is_type(type: str) -> Any:
    return lambda event: event["type"] == type


def test_a_ban_on_one_process_is_felt_on_the_sockets_of_both_within_a_second(start: Start, show: Show) -> None:
    one, other = start(), start()
    rude = someone()

    async def scene(crowd: Crowd) -> tuple[Event, list[Event], list[float]]:
        streamer = await joined(crowd, one, show.room, show.streamer)
        here, there = [await joined(crowd, process, show.room, rude.token) for process in (one, other)]
        for person in (here, there):
            assert (await person.ask("chat", text="hello"))["type"] == "ack"
        banned = await streamer.ask("ban_user", userId=str(rude.id), reason="rude")
        started_at, felt = monotonic(), []
        for person in (here, there):
            event = await person.hear(is_type("user_banned"), FELT_S)
            assert (event["userId"], event["until"], event["room"]) == (str(rude.id), None, show.room)
            felt.append(monotonic() - started_at)
        refused = [await person.ask("chat", text="still here") for person in (here, there)]
        typing = await there.ask("typing")
        reaction = await there.ask("react", kind="heart")
        lifted = await streamer.ask("unban_user", userId=str(rude.id))
        assert lifted["type"] == "ack"
        await there.hear(is_type("user_unbanned"), FELT_S)
        assert (await there.ask("chat", text="thank you"))["type"] == "ack"
        return banned, [*refused, typing, reaction], felt

    banned, refused, felt = play(scene)
    assert banned["ban"]["user"]["id"] == str(rude.id)
    assert [answer["code"] for answer in refused] == ["banned"] * 4
    assert max(felt) < FELT_S


def test_a_ban_everywhere_is_told_to_every_socket_of_the_person(start: Start, show: Show) -> None:
    one, other = start(), start()
    staff, rude = someone(Role.MODERATOR), someone()

    async def scene(crowd: Crowd) -> list[Event]:
        here, there = [await joined(crowd, process, show.room, rude.token) for process in (one, other)]
        draft = BanDraft(user_id=rude.id, seconds=60)
        await asyncio.to_thread(in_database, lambda: moderation.ban(staff.actor, EVERYWHERE, draft))
        told = [await person.hear(is_type("user_banned"), FELT_S) for person in (here, there)]
        assert [event["everywhere"] for event in told] == [True, True]
        return [await person.ask("chat", text="still here") for person in (here, there)]

    refused = play(scene)
    assert [answer["code"] for answer in refused] == ["banned", "banned"]
    assert all(answer["until"] for answer in refused)


def test_a_time_out_ends_by_itself(start: Start, show: Show) -> None:
    one = start()
    rude = someone()

    async def scene(crowd: Crowd) -> tuple[Event, Event, float]:
        streamer, person = [await joined(crowd, one, show.room, token) for token in (show.streamer, rude.token)]
        assert (await streamer.ask("timeout_user", userId=str(rude.id), seconds=1))["ban"]["until"]
        refused, started_at = await person.ask("chat", text="now?"), monotonic()
        async with asyncio.timeout(20):
            while (answer := await person.ask("chat", text="now?"))["type"] == "error":
                with suppress(TimeoutError):
                    await person.hear(is_type("user_unbanned"), 0.2)
        return refused, answer, monotonic() - started_at

    refused, answer, felt = play(scene)
    assert (refused["code"], answer["type"]) == ("banned", "ack")
    assert felt < 3


def test_moderators_named_while_connected_may_act_and_others_may_not(start: Start, show: Show) -> None:
    one, other = start(), start()
    rude, mod = someone(), someone()
    streamer = sessions_actor(show.streamer)

    async def scene(crowd: Crowd) -> list[Event]:
        person = await joined(crowd, one, show.room, rude.token)
        helper = await joined(crowd, other, show.room, mod.token)
        sent = await person.ask("chat", text="bad words")
        refused = [
            await helper.ask("ban_user", userId=str(rude.id)),
            await helper.ask("delete_messages", userId=str(rude.id)),
            await helper.ask("pin_message", messageId=sent["message"]["id"]),
            await helper.ask("edit_message", messageId=sent["message"]["id"], text="x"),
        ]
        assert [answer["code"] for answer in refused] == ["forbidden"] * 3 + ["not_author"]
        await asyncio.to_thread(in_database, lambda: room_moderators.appoint(streamer, show.room, mod.id))
        pinned = await helper.ask("pin_message", messageId=sent["message"]["id"])
        assert pinned["message"]["isPinned"]
        removed = await helper.ask("delete_messages", userId=str(rude.id), reason="spam\x00")
        gone = await person.hear(is_type("messages_deleted"), FELT_S)
        outranked = await helper.ask("timeout_user", userId=str(streamer.user_id))
        return [removed, gone, outranked]

    removed, gone, outranked = play(scene)
    assert removed["removal"] == {"userId": str(rude.id), "deleted": 1}
    assert (gone["userId"], gone["room"]) == (str(rude.id), show.room)
    assert outranked["code"] == "outranked"


def test_an_edit_is_heard_by_everybody_and_found_in_the_history(start: Start, show: Show) -> None:
    one, other = start(), start()

    async def scene(crowd: Crowd) -> tuple[Event, Event, Event]:
        ana, ben = await joined(crowd, one, show.room, show.ana), await joined(crowd, other, show.room, show.ben)
        sent = await ana.ask("chat", text="teh words")
        await ben.hear_text("teh words")
        edited = await ana.ask("edit_message", messageId=sent["message"]["id"], text="the words")
        heard = await ben.hear(is_type("message_edited"), FELT_S)
        late = await crowd.person(other)
        return edited["message"], heard, await late.ask("join", room=show.room)

    edited, heard, late = play(scene)
    assert late["messages"] == [edited]
    assert (heard["messageId"], heard["text"], heard["editedAt"], heard["room"]) == (
        edited["id"],
        "the words",
        edited["editedAt"],
        show.room,
    )


def test_reactions_of_all_processes_are_summed_before_they_are_told(start: Start, show: Show) -> None:
    one, other = start(), start()

    async def scene(crowd: Crowd) -> tuple[list[dict[str, int]], Event, Event]:
        listener = await crowd.person(other)
        await listener.ask("join", room=show.room)
        people = [
            await joined(crowd, process, show.room, someone().token) for process in (one, other) for _ in range(5)
        ]
        kinds = ["heart"] * 7 + ["fire"] * 3
        await asyncio.gather(*(person.say("react", kind=kind) for person, kind in zip(people, kinds, strict=True)))
        heard: list[dict[str, int]] = []
        while sum(counts.get("heart", 0) + counts.get("fire", 0) for counts in heard) < 10:
            heard.append((await listener.hear(is_type("reactions")))["counts"])
        for _ in range(2):
            await people[0].say("react", kind="wow")
        await people[0].hear(lambda event: event.get("code") == "rate_limited")
        unknown = await people[0].ask("react", kind="tomato")
        guest = await listener.ask("react", kind="heart")
        return heard, unknown, guest

    heard, unknown, guest = play(scene)
    assert sum(counts.get("heart", 0) for counts in heard) == 7
    assert sum(counts.get("fire", 0) for counts in heard) == 3
    assert len(heard) <= 3
    assert (unknown["code"], guest["code"]) == ("unknown_reaction", "unauthorized")


@pytest.fixture
def den(committed_db: Settings) -> tuple[str, Someone, Someone]:
    """A private lounge with its owner and a member."""
    owner, member = someone(), someone()
    with connection():
        made = lounges.create_lounge(owner.actor, LoungeDraft(name="Den", visibility=LoungeVisibility.PRIVATE))
        lounge_members.invite(owner.actor, str(made.id), Invitation(user_id=member.id))
    return str(made.id), owner, member


def test_a_private_lounge_is_joined_by_members_alone_and_left_at_once_when_the_invitation_ends(
    start: Start, den: tuple[str, Someone, Someone]
) -> None:
    one, other = start(), start()
    lounge_id, owner, member = den
    stranger = someone()

    async def scene(crowd: Crowd) -> tuple[list[Event], Event, list[Event]]:
        host = await crowd.person(one)
        await host.ask("join-lounge", loungeId=lounge_id, token=owner.token)
        inside = await joined(crowd, other, f"lounge:{lounge_id}", member.token)
        outside = await crowd.person(other)
        refused = [await outside.ask("join-lounge", loungeId=lounge_id)]
        refused.append(await outside.ask("join-lounge", loungeId=lounge_id, token=stranger.token))
        sent = await inside.ask("send_message", loungeId=lounge_id, text="hello")
        await host.hear_text("hello")
        await asyncio.to_thread(in_database, lambda: lounge_members.remove(owner.actor, lounge_id, member.id))
        closed = await inside.hear(is_type("room_closed"), FELT_S)
        assert closed["room"] == f"lounge:{lounge_id}"
        refused.append(await inside.ask("send_message", loungeId=lounge_id, text="still here"))
        await host.ask("chat", text="secret")
        assert (await inside.ask("ping"))["type"] == "pong"
        return refused, sent, inside.messages()

    refused, sent, overheard = play(scene)
    assert [answer["code"] for answer in refused] == ["room_not_found"] * 3
    assert sent["message"]["room"] == f"lounge:{lounge_id}"
    assert [message["text"] for message in overheard] in (["hello"], [])


def test_everybody_leaves_a_lounge_that_closes_and_guests_one_that_turns_private(
    start: Start, den: tuple[str, Someone, Someone]
) -> None:
    one, other = start(), start()
    lounge_id, owner, member = den

    def change(visibility: LoungeVisibility) -> None:
        lounges.change_lounge(owner.actor, lounge_id, LoungePatch(visibility=visibility))

    async def scene(crowd: Crowd) -> Event:
        await asyncio.to_thread(in_database, lambda: change(LoungeVisibility.PUBLIC))
        inside = await joined(crowd, other, f"lounge:{lounge_id}", member.token)
        guest = await crowd.person(one)
        assert (await guest.ask("join-lounge", loungeId=lounge_id))["type"] == "ack"
        await asyncio.to_thread(in_database, lambda: change(LoungeVisibility.PRIVATE))
        await guest.hear(is_type("room_closed"), FELT_S)
        assert (await inside.ask("chat", text="we are alone"))["type"] == "ack"
        await asyncio.to_thread(in_database, lambda: lounges.archive_lounge(owner.actor, lounge_id))
        await inside.hear(is_type("room_closed"), FELT_S)
        return await inside.ask("join-lounge", loungeId=lounge_id)

    assert play(scene)["code"] == "room_not_found"


def in_database(work: Any) -> None:
    with connection():
        work()


def sessions_actor(token: str) -> Actor:
    with connection():
        return sessions.verify_access_token(token)
