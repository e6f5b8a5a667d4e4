"""What nobody means well by: it is refused by name, and costs nobody else anything."""

import asyncio
import json
from typing import Any

from tests.realtime.conftest import Show, Start
from tests.realtime.running import Crowd, Event, Person, play

HUGE = "9" * 4000
ODD_FIELDS: list[dict[str, Any]] = [
    {"type": "chat", "text": "x", "clientMessageId": "a\x00b"},
    {"type": "chat", "text": "x", "clientMessageId": "c" * 101},
    {"type": "join", "streamerNickname": "a\x00b"},
    {"type": "join", "room": "stream:\x00"},
    {"type": "join", "room": "stream:" + "9" * 100},
    {"type": "join", "streamerNickname": "x' OR 1=1 --"},
    {"type": "pin_message", "messageId": "\x00"},
    {"type": "delete_message", "messageId": "' OR ''='"},
    {"type": "edit_message", "messageId": "00000000-0000-7000-8000-000000000000", "text": "\x00"},
    {"type": "upvote_question", "questionId": "\x00"},
    {"type": "vote_poll", "pollId": "\x00", "optionId": "00000000-0000-7000-8000-000000000000"},
    {"type": "vote_poll", "pollId": "00000000-0000-7000-8000-000000000000"},
    {"type": "ban_user", "userId": "00000000-0000-7000-8000-000000000000", "reason": "\x00"},
    {"type": "timeout_user", "userId": "00000000-0000-7000-8000-000000000000", "seconds": 2**70},
    {"type": "chat", "text": "x", "replyTo": "\x00"},
]


REFS: list[tuple[Any, bool]] = [("r" * 3000, True), (2**63, True), (0, True), ("", True), (1.5, False), ([], False)]


def test_odd_values_are_refused_with_a_code_of_their_own(start: Start, show: Show) -> None:
    process = start()

    async def scene(crowd: Crowd) -> list[Event]:
        ana = await crowd.person(process)
        await ana.ask("join", room=show.room, token=show.ana)
        return [await ana.ask(**fields) for fields in ODD_FIELDS]

    for fields, answer in zip(ODD_FIELDS, play(scene), strict=True):
        assert answer["type"] == "error", (fields, answer)
        assert answer["code"] not in ("internal_error", "unavailable"), (fields, answer)


def test_any_id_is_given_back(start: Start) -> None:
    process = start()

    async def scene(crowd: Crowd) -> list[Event]:
        person, answers = await crowd.person(process), []
        for ref, _ in REFS:
            await person.say("ping", id=ref)
            answers.append(await person.hear(lambda event: event["type"] in ("pong", "error")))
        return answers

    for (ref, is_echoed), answer in zip(REFS, play(scene), strict=True):
        assert answer["type"] == ("pong" if is_echoed else "error"), ref
        assert answer.get("id") == (ref if is_echoed else None), ref


SOCKET_IO = "/socket.io/?EIO=4&transport=websocket"


PACKETS = (
    '42["dance",{"id":"\\ud800"}]',
    '421["chat",{"text":"\\ud800","clientMessageId":"\\udfff"}]',
    '421["join",{"streamerNickname":"\\ud800"}]',
    '40{"token":"\\ud800"}',
    '42["authenticate","\\ud800"]',
    '421["ping",{"id":NaN}]',
    '421["ping",{"id":Infinity}]',
    f'421["ping",{{"id":{HUGE}}}]',
    '42["ping",' + "[" * 8000,
    "42" + "[" * 16000,
    '42["ping",' + '{"a":' * 2000 + "1" + "}" * 2000 + "]",
    "42" + "9" * 99 + '["ping"]',
    "42\u00b2[]",
    "4\u00b2",
    "40/admin,{}",
    "42/admin,1[]",
)


def test_an_odd_packet_costs_at_most_its_own_socket(start: Start, show: Show) -> None:
    process = start()

    async def torment(crowd: Crowd, packet: str) -> None:
        odd = await crowd.person(process, SOCKET_IO)
        await odd.socket.recv()
        await odd.socket.send("40" + json.dumps({"token": show.ana}))
        await odd.socket.recv()
        await odd.socket.send(packet)
        await odd.socket.send('427["ping",{}]')
        async with asyncio.timeout(10):
            async for frame in odd.socket:
                if str(frame).startswith("437["):
                    break
        assert odd.socket.close_code in (None, 1000, 1008, 4401), packet

    async def scene(crowd: Crowd) -> None:
        other = await crowd.person(process)
        for packet in PACKETS:
            await torment(crowd, packet)
            assert (await other.ask("ping"))["type"] == "pong", packet

    play(scene)
    process.terminate()
    assert process.wait() == 0
    assert "Traceback" not in process.stderr()


def test_a_message_that_cannot_be_stored_takes_no_others_with_it(start: Start, show: Show) -> None:
    process = start()

    async def scene(crowd: Crowd) -> list[Event]:
        async def talk(token: str, fields: dict[str, Any]) -> list[Event]:
            person: Person = await crowd.person(process)
            await person.ask("join", room=show.room, token=token)
            return [await person.ask("chat", text=f"words {n}", **fields) for n in range(15)]

        odd, well = await asyncio.gather(
            talk(show.ben, {"clientMessageId": "\x00"}), talk(show.ana, {"clientMessageId": "c"})
        )
        assert {answer["code"] for answer in odd} == {"invalid"}
        return well

    assert {answer["type"] for answer in play(scene)} == {"ack"}
