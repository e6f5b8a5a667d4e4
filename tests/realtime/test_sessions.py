"""Who is behind a socket, and what ends it."""

import asyncio
import contextlib
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import websockets
from websockets.exceptions import ConnectionClosed, InvalidStatus

from db.connection import connection, query
from services import clock, follows, notifications, sessions, tokens
from services.events import StreamEnded, StreamerRef, StreamStarted, publish
from services.ids import new_id
from services.topics import followers_topic, room_topic
from tests.realtime.conftest import Show, Start
from tests.realtime.running import Crowd, Person, play


def test_the_token_may_come_in_the_address_a_header_or_a_message(start: Start, show: Show) -> None:
    process = start()

    async def scene(crowd: Crowd) -> list[str]:
        stream_id = show.room.partition(":")[2]
        by_query = await crowd.person(process, f"/ws/chat/{stream_id}?token={show.ana}")
        by_header = await crowd.person(process, additional_headers={"Authorization": f"Bearer {show.ben}"})
        by_message = await crowd.person(process)
        await by_header.ask("join", room=show.room)
        await by_message.ask("authenticate", token=show.streamer)
        await by_message.ask("join", room=show.room)
        joined = await by_query.hear(lambda event: "viewerCount" in event)
        assert joined["room"] == show.room
        answers = [await person.ask("chat", text="hello") for person in (by_query, by_header, by_message)]
        return [answer["message"]["author"]["username"] for answer in answers]

    names = play(scene)
    assert len(set(names)) == 3
    assert names[2] == show.streamer_name


@pytest.mark.parametrize("fields", [{"type": "authenticate"}, {"type": "join", "room": "stream:1"}])
def test_a_bad_token_is_answered_and_ends_the_connection(start: Start, fields: dict[str, str]) -> None:
    process = start()

    async def scene(crowd: Crowd) -> tuple[str, int | None]:
        person = await crowd.person(process)
        await person.say(**fields, token="nonsense")
        refused = await person.hear_type("error")
        with pytest.raises(ConnectionClosed):
            await person.hear(lambda _: False)
        return refused["code"], person.socket.close_code

    assert play(scene) == ("unauthorized", 4401)


def test_a_revoked_session_reads_on_but_sends_no_more(start: Start, show: Show) -> None:
    process = start()

    async def scene(crowd: Crowd) -> dict[str, Any]:
        ana, ben = await crowd.person(process), await crowd.person(process)
        await ana.ask("join", room=show.room, token=show.ana)
        await ben.ask("join", room=show.room, token=show.ben)
        await ana.ask("chat", text="before")
        me = sessions.verify_access_token(show.ana)
        await asyncio.to_thread(sessions.revoke, me, show.ana_session)
        await ana.hear_type("error")
        refused = await ana.ask("chat", text="after")
        await ben.ask("chat", text="still here")
        await ana.hear_text("still here")
        return refused

    assert play(scene)["code"] == "unauthorized"


def test_whose_token_expires_hears_nothing_private_any_more(start: Start, show: Show) -> None:
    process = start()
    me = sessions.verify_access_token(show.ana)
    assert me.session_id is not None
    nearly_over = clock.now() - timedelta(seconds=start.settings.jwt_expires_in_s - 3)
    token = tokens.sign_access_token(me.user_id, me.session_id, nearly_over)

    async def scene(crowd: Crowd) -> tuple[dict[str, Any], list[str]]:
        ana, ben = await crowd.person(process), await crowd.person(process)
        await ben.ask("join", room=show.room, token=show.ben)
        await ana.ask("join", room=show.room, token=token)
        await ana.ask("subscribe_notifications")
        await asyncio.to_thread(notifications.notify, me.user_id, "test", "While it is good", "", {})
        await ana.hear_type("notification")
        told = await ana.hear(lambda event: event["type"] == "error")
        await asyncio.to_thread(notifications.notify, me.user_id, "test", "Too late", "", {})
        await ben.ask("chat", text="public as ever")
        await ana.hear_text("public as ever")
        return told, [event["title"] for event in ana.heard if event["type"] == "notification"]

    told, titles = play(scene)
    assert (told["code"], titles) == ("unauthorized", ["While it is good"])


def test_a_session_that_ended_unheard_ends_on_its_sockets(start: Start, show: Show) -> None:
    process = start()

    async def scene(crowd: Crowd) -> dict[str, Any]:
        ana = await crowd.person(process)
        await ana.ask("join", room=show.room, token=show.ana)
        await asyncio.to_thread(end_silently, show.ana_session)
        return await ana.hear(lambda event: event["type"] == "error")

    assert play(scene)["code"] == "unauthorized"


def end_silently(session_id: UUID) -> None:
    """Revoke a session as though Redis had lost the word of it."""
    with connection():
        query("UPDATE auth_sessions SET revoked_at = now() WHERE id = %s", (session_id,))


def test_rules_refuse_with_codes_and_guests_only_read(start: Start, show: Show) -> None:
    process = start()

    async def scene(crowd: Crowd) -> list[dict[str, Any]]:
        guest, ana = await crowd.person(process), await crowd.person(process)
        await guest.ask("join", room=show.room)
        await ana.ask("join", room=show.room, token=show.ana)
        answers = [await guest.ask("chat", text="hello"), await ana.ask("chat", text="")]
        answers += [await ana.ask("chat", text=f"quick {number}") for number in range(21)]
        answers.append(await ana.ask("pin_message", messageId=answers[2]["message"]["id"]))
        return answers

    guest, empty, *burst, pin = play(scene)
    assert (guest["code"], empty["code"], pin["code"]) == ("unauthorized", "message_empty", "forbidden")
    assert [answer["type"] for answer in burst] == ["ack"] * 20 + ["error"]
    assert burst[-1]["code"] == "rate_limited"
    assert 0 < burst[-1]["retryAfterMs"] <= 10_000


def test_moderators_mark_messages_and_everyone_hears_it(start: Start, show: Show) -> None:
    one, other = start(), start()

    async def scene(crowd: Crowd) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        streamer, ana = await crowd.person(one), await crowd.person(other)
        await streamer.ask("join", room=show.room, token=show.streamer)
        await ana.ask("join", room=show.room, token=show.ana)
        sent = (await ana.ask("chat", text="look at this"))["message"]
        await streamer.ask("pin_message", messageId=sent["id"])
        pinned = await ana.hear_type("message_pinned")
        joined = await (await crowd.person(other)).ask("join", room=show.room)
        assert [message["id"] for message in joined["pinned"]] == [sent["id"]]
        await streamer.ask("delete_message", messageId=sent["id"])
        return sent, pinned, await ana.hear_type("message_deleted")

    sent, pinned, deleted = play(scene)
    assert pinned == {"type": "message_pinned", "room": show.room, "messageId": sent["id"], "isPinned": True}
    assert deleted == {"type": "message_deleted", "room": show.room, "messageId": sent["id"]}


def test_notifications_and_the_end_of_a_stream_reach_those_concerned(start: Start, show: Show) -> None:
    process = start()

    async def scene(crowd: Crowd) -> tuple[dict[str, Any], dict[str, Any]]:
        ana, ben = await crowd.person(process), await crowd.person(process)
        await ana.ask("authenticate", token=show.ana)
        await ana.ask("subscribe_notifications")
        await ben.ask("join", room=show.room)
        me = sessions.verify_access_token(show.ana)
        await asyncio.to_thread(notifications.notify, me.user_id, "test", "A title", "Some words", {})
        ended = StreamEnded(stream_id=new_id(), streamer=StreamerRef(show.streamer_name, None), title="Good night")
        await asyncio.to_thread(publish, ended, room_topic(show.room_id))
        return await ana.hear_type("notification"), await ben.hear_type("stream_ended")

    notification, ended = play(scene)
    assert (notification["title"], notification["readAt"]) == ("A title", None)
    assert (ended["room"], ended["title"]) == (show.room, "Good night")


def test_whoever_is_followed_while_connected_is_heard_of_too(start: Start, show: Show) -> None:
    process = start()

    async def scene(crowd: Crowd) -> dict[str, Any]:
        ana = await crowd.person(process)
        await ana.ask("authenticate", token=show.ana)
        await ana.ask("subscribe_notifications")
        me, streamer = sessions.verify_access_token(show.ana), sessions.verify_access_token(show.streamer)
        await asyncio.to_thread(follows.follow, me, streamer.user_id)
        started = StreamStarted(
            stream_id=new_id(), streamer=StreamerRef(show.streamer_name, None), title="Good morning"
        )
        while True:
            await asyncio.to_thread(publish, started, followers_topic(streamer.user_id))
            with contextlib.suppress(TimeoutError):
                return await ana.hear(lambda event: event["type"] == "stream_started", limit_s=0.2)

    assert play(scene)["title"] == "Good morning"


def test_nonsense_is_answered_and_too_much_of_it_ends_the_connection(start: Start) -> None:
    process = start()

    async def scene(crowd: Crowd) -> tuple[list[str], int | None, int | None]:
        person = await crowd.person(process)
        nonsense: list[str | bytes] = ["{", '{"type":"dance"}', b"\x00", *["x"] * 17]
        for said in nonsense:
            await person.socket.send(said)
        with pytest.raises(ConnectionClosed):
            await person.hear(lambda _: False)
        long_winded = await crowd.person(process)
        await long_winded.socket.send("x" * (16 * 1024 + 1))
        with pytest.raises(ConnectionClosed):
            await long_winded.hear(lambda _: False)
        return [event["code"] for event in person.heard], person.socket.close_code, long_winded.socket.close_code

    codes, close_code, too_long = play(scene)
    assert codes == ["bad_json", "unknown_type", "binary_not_supported", *["bad_json"] * 17]
    assert (close_code, too_long) == (1008, 1009)


def test_strange_origins_addresses_and_too_many_sockets_are_refused_at_the_door(start: Start) -> None:
    process = start(WS_MAX_CONNECTIONS_PER_ADDRESS="2", CORS_ORIGIN="https://app.example.org")

    async def scene(crowd: Crowd) -> list[int]:
        refused = []
        for path, options in (("/ws", {"origin": "https://evil.example"}), ("/nothing", {}), ("/health", {})):
            with pytest.raises(InvalidStatus) as error:
                await crowd.person(process, path, **options)
            refused.append(error.value.response.status_code)
        await crowd.person(process, origin="https://app.example.org")
        second = await crowd.person(process)
        with pytest.raises(InvalidStatus) as error:
            await crowd.person(process)
        refused.append(error.value.response.status_code)
        await second.socket.close()
        await _until_admitted(crowd, process)
        return refused

    assert play(scene) == [403, 404, 200, 429]


async def _until_admitted(crowd: Crowd, process: Any) -> Person:
    async with asyncio.timeout(10):
        while True:
            try:
                return await crowd.person(process)
            except websockets.InvalidStatus:
                continue
