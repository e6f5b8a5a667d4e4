"""Two people of whom one blocks the other, in a room that both are in."""

import asyncio
import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from realtime.audience import Burst
from realtime.dialects import JSON, SOCKET_IO
from realtime.hiding import hidden, history_without, speaker, without
from services import blocks, sessions
from services.actors import Actor
from services.ids import new_id
from services.messages import Author, Message, wire_event
from tests.realtime.conftest import Show, Start
from tests.realtime.frames import events_in
from tests.realtime.running import Crowd, Event, Person, play
from tests.realtime.world import NEVER

FELT_S = 1
TROLL, FRIEND = new_id(), new_id()
TROLLS = hidden([TROLL])


def said_by(author: Any, text: str, seq: int = 1) -> bytes:
    by = Author(author, "name", "Name", None, []) if author else None
    return wire_event(Message(id=new_id(), seq=seq, text=text, author=by, created_at=NEVER))


@given(st.text() | st.just(f'"author":{{"id":"{TROLL}"'))
def test_no_text_makes_somebody_look_like_another(text: str) -> None:
    assert speaker(said_by(FRIEND, text)) == str(FRIEND).encode()
    assert speaker(said_by(None, text)) is None


def test_whoever_blocks_gets_a_burst_of_their_own_only_where_the_blocked_speak() -> None:
    for dialect in (JSON, SOCKET_IO):
        calm = Burst([said_by(FRIEND, "hello"), b'{"type":"stream_ended"}'], b'"r"', dialect)
        assert calm.seen_by(TROLLS) is calm
        burst = Burst([said_by(FRIEND, "hello", 1), said_by(TROLL, "boo", 2)], b'"r"', dialect)
        seen = burst.seen_by(TROLLS)
        assert seen is burst.seen_by(TROLLS | hidden([new_id()]))
        shown = [event[1] if isinstance(event, list) else event for event in events_in(seen.data)]
        assert [(event["seq"], event["text"], event.get("isHidden")) for event in shown] == [
            (1, "hello", None),
            (2, "", True),
        ]
        assert all(event["room"] == "r" for event in shown)
        assert b"boo" in burst.data


def test_typing_and_other_words_of_the_blocked_are_kept_back_too() -> None:
    typing = b'{"type":"typing","user":{"id":"%b"}}' % str(TROLL).encode()
    edited = b'{"type":"message_edited","messageId":"1","authorId":"%b","text":"boo"}' % str(TROLL).encode()
    [shown] = without([typing, edited], TROLLS)
    assert (json.loads(shown)["text"], json.loads(shown)["isHidden"]) == ("", True)
    other = typing.replace(str(TROLL).encode(), str(FRIEND).encode())
    assert without([other], TROLLS) == [other]


def test_a_history_keeps_its_order_and_loses_their_words() -> None:
    messages = [json.loads(said_by(author, "words")) for author in (TROLL, None, FRIEND)]
    raw = msgspec.Raw(msgspec.json.encode(messages))
    assert history_without(raw, frozenset()) is raw
    assert [message["text"] for message in json.loads(bytes(history_without(raw, TROLLS)))] == ["", "words", "words"]


def test_a_block_is_felt_on_every_socket_of_the_one_who_blocks_and_by_nobody_else(start: Start, show: Show) -> None:
    one, other = start(), start()

    async def scene(crowd: Crowd) -> tuple[list[Event], list[Event], Event, Event]:
        ana, elsewhere = await _joined(crowd, one, show, show.ana), await _joined(crowd, other, show, show.ana)
        ben, guest = await _joined(crowd, other, show, show.ben), await _joined(crowd, one, show, None)
        await asyncio.to_thread(blocks.block, _actor(show.ana), _actor(show.ben).user_id)
        await _until_hidden(ben, (ana, elsewhere))
        await ben.ask("chat", text="boo")
        await ana.ask("chat", text="all quiet")
        for person in (ana, elsewhere, ben, guest):
            await person.hear_text("all quiet")
        back = await _joined(crowd, other, show, show.ana)
        await asyncio.to_thread(blocks.unblock, _actor(show.ana), _actor(show.ben).user_id)
        return ana.messages(), elsewhere.messages(), back.heard[0], await _shown_again(ben, ana)

    here, there, joined, again = play(scene)
    for heard in (here, there):
        assert [message["seq"] for message in heard] == list(range(1, heard[-1]["seq"] + 1))
        assert [message["text"] for message in heard[-2:]] == ["", "all quiet"]
        assert heard[-2]["isHidden"]
    assert [message["text"] for message in joined["messages"][-2:]] == ["", "all quiet"]
    assert again["text"] == "is it over?"


async def _joined(crowd: Crowd, process: Any, show: Show, token: str | None) -> Person:
    person = await crowd.person(process)
    await person.ask("join", room=show.room, token=token)
    return person


async def _until_hidden(ben: Person, people: tuple[Person, ...]) -> None:
    """Ben goes on talking; within a second nobody who blocks him reads it."""
    async with asyncio.timeout(FELT_S):
        for number in range(10):
            sent = await ben.ask("chat", text=f"words {number}")
            heard = [await _message(person, sent["message"]["id"]) for person in people]
            if all(message.get("isHidden") for message in heard):
                return


async def _shown_again(ben: Person, ana: Person) -> Event:
    async with asyncio.timeout(FELT_S):
        while True:
            sent = await ben.ask("chat", text="is it over?")
            heard = await _message(ana, sent["message"]["id"])
            if heard["text"]:
                return heard


async def _message(person: Person, message_id: str) -> Event:
    return await person.hear(lambda event: event["type"] == "new_message" and event["id"] == message_id)


def _actor(token: str) -> Actor:
    return sessions.verify_access_token(token)
