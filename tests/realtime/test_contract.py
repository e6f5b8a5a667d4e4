"""The contract's table of commands, line by line, as clients of different origin give them."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from websockets.exceptions import ConnectionClosed

from db.connection import connection, query
from services import clock, lounges, rooms, sessions, stream_metadata, tokens
from services.actors import Actor
from services.lounges import LoungeDraft
from services.rooms import ChatSettingsPatch
from services.stream_metadata import StreamPatch
from tests.realtime.conftest import Show, Start
from tests.realtime.running import Crowd, Event, Person, play

UNKNOWN = "00000000-0000-7000-8000-000000000000"
MESSAGE_FIELDS = {
    "id", "room", "seq", "text", "author", "isPinned", "isDeleted", "replyTo", "createdAt", "editedAt",
}  # fmt: skip


def actor_by(token: str) -> Actor:
    with connection():
        return sessions.verify_access_token(token)


def in_database(work: Any) -> Any:
    with connection():
        return work()


def is_type(*types: str) -> Any:
    return lambda event: event["type"] in types


async def silence(person: Person) -> list[Event]:
    """All that came before the answer to a ping: what was said earlier in a room has arrived by then."""
    before = len(person.heard)
    await person.ask("ping")
    return person.heard[before:-1]


def test_a_join_answers_with_all_that_the_contract_names(start: Start, show: Show) -> None:
    process = start()
    stream_id = show.room.partition(":")[2]

    async def scene(crowd: Crowd) -> list[Event]:
        ana, named = await crowd.person(process), await crowd.person(process, f"/ws/chat/{stream_id}")
        await ana.ask("join", room=show.room, token=show.ana)
        await ana.ask("chat", text="one")
        asked = [{"room": show.room}, {"streamId": stream_id}, {"streamerNickname": show.streamer_name.upper()}]
        answers = [await ana.ask("join", **fields) for fields in asked]
        answers.append(await ana.ask("join_stream", streamId=stream_id, since=0))
        await ana.say("join", room=show.room)
        answers.append(await ana.hear(lambda event: event["type"] == "ack" and "id" not in event))
        assert (await named.hear(is_type("ack")))["room"] == show.room
        return answers

    for answer in play(scene):
        assert answer["type"] == "ack"
        assert answer["room"] == show.room
        assert answer["viewerCount"] == 2
        assert answer["pinned"] == []
        assert answer["settings"]["slowModeSeconds"] == 0
        assert "blockedWords" not in answer["settings"]
        [message] = answer["messages"]
        assert message.keys() == MESSAGE_FIELDS
        assert message["author"].keys() == {"id", "username", "name", "avatar", "badges"}
        assert datetime.fromisoformat(message["createdAt"]) > clock.now() - timedelta(minutes=1)


def test_rooms_that_are_not_there_are_named_so_whatever_one_wants_of_them(start: Start, show: Show) -> None:
    process = start()

    async def scene(crowd: Crowd) -> list[Event]:
        nowhere = await crowd.person(process, f"/ws/chat/{UNKNOWN}?token={show.ana}")
        asked: list[Event] = [
            {"type": "join", "room": f"stream:{UNKNOWN}"}, {"type": "join", "room": "hall:1"},
            {"type": "join_session", "sessionId": UNKNOWN}, {"type": "join-lounge", "loungeId": "x"},
            {"type": "join", "streamerNickname": "nobody-at-all"}, {"type": "leave", "room": f"stream:{UNKNOWN}"},
            {"type": "chat", "text": "x", "streamId": UNKNOWN}, {"type": "typing", "room": f"lounge:{UNKNOWN}"},
        ]  # fmt: skip
        answers = [await nowhere.hear(is_type("error")), *[await nowhere.ask(**fields) for fields in asked]]
        unnamed = [await nowhere.ask(name) for name in ("join", "leave", "chat", "typing")]
        assert [answer["code"] for answer in unnamed] == ["room_required"] * 4
        return answers

    assert {answer["code"] for answer in play(scene)} == {"room_not_found"}


def test_whoever_left_hears_no_more(start: Start, show: Show) -> None:
    process = start()
    stream_id = show.room.partition(":")[2]
    ways = [("leave", {"room": show.room}), ("leave_stream", {"streamId": stream_id}), ("leave", {})]
    ways.append(("leave", {"streamerNickname": show.streamer_name}))

    async def scene(crowd: Crowd) -> list[Event]:
        ana = await crowd.person(process)
        await ana.ask("join", room=show.room, token=show.ana)
        guests = [await crowd.person(process) for _ in ways]
        for guest, (name, fields) in zip(guests, ways, strict=True):
            await guest.ask("join", room=show.room)
            assert (await guest.ask(name, **fields))["type"] == "ack"
            assert (await guest.ask(name))["code"] == "room_required"
        await ana.ask("chat", text="are you there?")
        await ana.hear_text("are you there?")
        return [event for guest in guests for event in await silence(guest)]

    assert [event for event in play(scene) if event["type"] == "new_message"] == []


def test_a_message_may_be_named_and_addressed_in_every_way(start: Start, show: Show) -> None:
    process = start()

    async def scene(crowd: Crowd) -> tuple[list[Event], list[Event], list[Event]]:
        lounge = await asyncio.to_thread(
            in_database, lambda: lounges.create_lounge(actor_by(show.ana), LoungeDraft(name="Den"))
        )
        ana = await crowd.person(process)
        await ana.ask("join", room=show.room, token=show.ana)
        first = await ana.ask("message", message="one", clientMessageId="c1")
        again = await ana.ask("send_message", text="other words", clientMessageId="c1")
        await ana.ask("join-lounge", loungeId=str(lounge.id))
        answers = [
            await ana.ask("chat", text="two", streamId=show.room.partition(":")[2], replyTo=first["message"]["id"]),
            await ana.ask("send_message", message="three", loungeId=str(lounge.id)),
        ]
        refused = [
            await ana.ask("chat", text="to whom?"),
            await ana.ask("chat", text="x", room=f"lounge:{lounge.id}", replyTo=first["message"]["id"]),
            await ana.ask("chat", text="x" * 501, room=show.room),
            await ana.ask("chat", text=" \x07\u2028 ", room=show.room),
        ]
        whole = await ana.ask("chat", text="é" * 500, room=show.room)
        assert whole["type"] == "ack"
        return [first, again], answers, refused

    (first, again), (two, three), refused = play(scene)
    assert again["message"] == first["message"]
    assert two["message"]["replyTo"] == first["message"]["id"]
    assert three["message"]["seq"] == 1
    assert three["message"]["room"].startswith("lounge:")
    assert [answer["code"] for answer in refused] == [
        "room_required", "reply_not_found", "message_too_long", "message_empty",
    ]  # fmt: skip


def test_typing_is_passed_on_at_most_once_in_three_seconds_and_never_stored(start: Start, show: Show) -> None:
    one, other = start(), start()

    async def scene(crowd: Crowd) -> tuple[Event, list[Event], Event]:
        ana, ben = await crowd.person(one), await crowd.person(other)
        await ana.ask("join", room=show.room, token=show.ana)
        await ben.ask("join", room=show.room)
        for _ in range(3):
            assert (await ana.ask("typing", room=show.room))["type"] == "ack"
        typing = await ben.hear(is_type("typing"))
        await ana.ask("chat", text="written")
        await ben.hear_text("written")
        return typing, [event for event in ben.heard if event["type"] == "typing"], await ben.ask("typing")

    typing, heard, guest = play(scene)
    assert typing.keys() == {"type", "room", "user"}
    assert len(heard) == 1
    assert guest["code"] == "unauthorized"
    assert in_database(lambda: query("SELECT count(*) FROM messages")) == [(1,)]


def test_a_change_of_settings_is_told_and_holds_at_once_with_a_code_for_each_rule(start: Start, show: Show) -> None:
    one, other = start(), start()
    streamer = actor_by(show.streamer)
    rules: list[tuple[dict[str, Any], str, str]] = [
        ({"slow_mode_seconds": 60}, "words", "slow_mode"),
        ({"followers_only": True}, "words", "followers_only"),
        ({"subscribers_only": True}, "words", "subscribers_only"),
        ({"links_allowed": False}, "see https://example.org/x", "links_not_allowed"),
        ({"emote_only": True}, "words", "emote_only"),
        ({"blocked_words": ["turnip"]}, "you turnip", "blocked_word"),
    ]
    plain = ChatSettingsPatch(
        slow_mode_seconds=0, followers_only=False, subscribers_only=False, links_allowed=True, emote_only=False
    )

    async def scene(crowd: Crowd) -> list[Event]:
        ana, ben = await crowd.person(one), await crowd.person(other)
        await ana.ask("join", room=show.room, token=show.ana)
        await ben.ask("join", room=show.room)
        await ana.ask("chat", text="before")
        refused = []
        for change, text, _ in rules:
            patch = msgspec.structs.replace(plain, **change)
            await asyncio.to_thread(
                in_database, lambda patch=patch: rooms.change_settings(streamer, show.room_id, patch)
            )
            for person in (ana, ben):
                told = await person.hear(is_type("chat_settings"), 1)
                assert told["room"] == show.room
                assert "blockedWords" not in told["settings"]
            refused.append(await ana.ask("chat", text=text))
        return refused

    refused = play(scene)
    assert [answer.get("code") for answer in refused] == [code for _, _, code in rules]
    assert 0 < refused[0]["retryAfterMs"] <= 60_000


def test_the_room_hears_of_changes_of_the_stream(start: Start, show: Show) -> None:
    process = start()
    stream_id = UUID(show.room.partition(":")[2])

    async def scene(crowd: Crowd) -> Event:
        guest = await crowd.person(process)
        await guest.ask("join", room=show.room)
        patch = StreamPatch(title="Another title")
        await asyncio.to_thread(
            in_database, lambda: stream_metadata.edit_stream(actor_by(show.streamer), stream_id, patch)
        )
        return await guest.hear(is_type("stream_updated"))

    updated = play(scene)
    assert updated == {
        "type": "stream_updated", "room": show.room, "streamId": str(stream_id), "title": "Another title",
        "streamer": {"username": show.streamer_name, "avatar": None},
    }  # fmt: skip


def test_a_token_that_is_no_good_is_answered_and_ends_the_connection_however_it_comes(start: Start, show: Show) -> None:
    process = start()
    me = actor_by(show.ana)
    assert me.session_id is not None
    old = tokens.sign_access_token(me.user_id, me.session_id, clock.now() - timedelta(days=30))

    async def scene(crowd: Crowd) -> list[tuple[str, int | None]]:
        people = [
            await crowd.person(process, f"/ws?token={old}"),
            await crowd.person(process, f"/ws/chat/{UNKNOWN}?token={old}"),
            await crowd.person(process, additional_headers={"Authorization": f"Bearer {old}"}),
        ]
        for said in (
            {"type": "authenticate", "token": old}, {"type": "join", "token": old, "room": show.room},
            {"type": "authenticate", "token": ""}, {"type": "authenticate", "token": "x" * 5000},
        ):  # fmt: skip
            people.append(await crowd.person(process))
            await people[-1].say(**said)
        refused = [await person.hear(is_type("error", "ack")) for person in people]
        for person in people:
            with pytest.raises(ConnectionClosed):
                await person.hear(lambda _: False)
        return [(answer["code"], person.socket.close_code) for answer, person in zip(refused, people, strict=True)]

    assert set(play(scene)) == {("unauthorized", 4401)}
