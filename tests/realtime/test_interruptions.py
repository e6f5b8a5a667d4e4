"""What holds when something goes away: a process, Redis, a reader's patience."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import pytest
from websockets.exceptions import ConnectionClosed

from db.connection import close_database, query
from services.bus import bus
from services.topics import room_topic
from settings import Settings
from tests.realtime.conftest import Show, Start
from tests.realtime.running import Crowd, Person, Process, play
from tests.realtime.tap import open_tap

MANY = 500
STOP_S = 10


def test_a_process_that_is_told_to_stop_loses_nothing_that_it_acknowledged(start: Start, show: Show) -> None:
    process = start()

    async def scene(crowd: Crowd) -> tuple[list[str], list[dict[str, Any]], int | None]:
        ana = await crowd.person(process)
        await ana.ask("join", room=show.room, token=show.ana)
        for number in range(15):
            await ana.say("chat", text=f"last words {number}", id=f"n{number}")
        process.terminate()
        with pytest.raises(ConnectionClosed):
            await ana.hear(lambda _: False)
        acknowledged = [event["message"]["id"] for event in ana.heard if event["type"] == "ack" and "message" in event]
        return acknowledged, ana.heard, ana.socket.close_code

    acknowledged, heard, close_code = play(scene)
    stored = {str(row[0]) for row in query("SELECT id FROM messages")}
    assert process.wait() == 0
    assert close_code == 1012
    assert set(acknowledged) <= stored
    assert any(event["type"] == "server_going_away" and event["retryInMs"] > 0 for event in heard)


def test_what_is_said_while_a_process_has_lost_redis_is_heard_when_it_is_back(
    start: Start, show: Show, tmp_path: Path
) -> None:
    with open_tap(start.settings.redis_url, tmp_path) as tap:
        well, cut_off = start(), start(REDIS_URL=tap.url)

        async def scene(crowd: Crowd) -> list[int]:
            ana, ben = await crowd.person(well), await crowd.person(cut_off)
            await ana.ask("join", room=show.room, token=show.ana)
            await ben.ask("join", room=show.room, token=show.ben)
            await ana.ask("chat", text="before")
            await ben.hear_text("before")
            await asyncio.to_thread(tap.shut)
            for number in range(3):
                await ana.ask("chat", text=f"during {number}")
            from_the_dark = await ben.ask("chat", text="from the dark")
            assert from_the_dark["type"] == "ack"
            await asyncio.to_thread(tap.open)
            await ben.hear_text("from the dark")
            await ana.hear_text("from the dark")
            await ana.ask("chat", text="after")
            await ben.hear_text("after")
            return [message["seq"] for message in ben.messages()]

        assert play(scene) == [1, 2, 3, 4, 5, 6]


def test_while_the_database_is_away_senders_are_told_and_afterwards_all_goes_on(start: Start, show: Show) -> None:
    process = start()

    async def scene(crowd: Crowd) -> tuple[str, str, list[str]]:
        ana, guest = await crowd.person(process), await crowd.person(process)
        await ana.ask("join", room=show.room, token=show.ana)
        await ana.ask("chat", text="before", clientMessageId="b")
        with database_away(start.settings):
            refused = await ana.ask("chat", text="during")
            shut_out = await guest.ask("join", room=show.room)
        await guest.ask("join", room=show.room)
        await ana.ask("chat", text="before", clientMessageId="b")
        await ana.ask("chat", text="after")
        await ana.hear_text("after")
        await guest.hear_text("after")
        return refused["code"], shut_out["code"], [message["text"] for message in ana.messages()]

    assert play(scene) == ("unavailable", "unavailable", ["before", "after"])


def test_what_was_acknowledged_around_an_absence_of_the_database_is_there_once(start: Start, show: Show) -> None:
    process = start()

    async def scene(crowd: Crowd) -> tuple[list[str], set[str]]:
        ana = await crowd.person(process)
        await ana.ask("join", room=show.room, token=show.ana)
        acknowledged, refused = [], set()
        with database_away(start.settings):
            for number in range(3):
                refused.add((await ana.ask("chat", text=f"words {number}", clientMessageId=str(number)))["code"])
        for number in range(15):
            answer = await ana.ask("chat", text=f"words {number}", clientMessageId=str(number))
            acknowledged.append(answer["message"]["id"])
        return acknowledged, refused

    acknowledged, refused = play(scene)
    assert refused == {"unavailable"}
    assert acknowledged == [str(row[0]) for row in query("SELECT id FROM messages ORDER BY seq")]


def test_a_stop_while_the_database_does_not_answer_ends_in_ten_seconds_and_acknowledges_nothing(
    start: Start, show: Show
) -> None:
    process = start()

    async def scene(crowd: Crowd) -> tuple[list[dict[str, Any]], int | None]:
        ana = await crowd.person(process)
        await ana.ask("join", room=show.room, token=show.ana)
        await ana.ask("chat", text="before")
        with contextlib.closing(psycopg2.connect(start.settings.database_owner_url)) as owner:
            owner.cursor().execute("LOCK TABLE messages, rooms IN ACCESS EXCLUSIVE MODE")
            await ana.say("chat", text="never", id="never")
            process.terminate()
            with pytest.raises(ConnectionClosed):
                await ana.hear(lambda _: False)
            assert await asyncio.to_thread(process.wait, STOP_S) == 0
        return [event for event in ana.heard if event.get("id") == "never"], ana.socket.close_code

    answers, close_code = play(scene)
    assert [answer["type"] for answer in answers] in ([], ["error"])
    assert close_code == 1012


def test_several_processes_may_share_one_port(start: Start, show: Show) -> None:
    shared = start("--processes", "2")

    async def scene(crowd: Crowd) -> int:
        people = [await crowd.person(shared) for _ in range(8)]
        for person in people:
            await person.ask("join", room=show.room, token=show.ana)
        await people[0].ask("chat", text="to all")
        for person in people:
            await person.hear_text("to all")
        shared.terminate()
        for person in people:
            with pytest.raises(ConnectionClosed):
                await person.hear(lambda _: False)
        return len(people)

    assert play(scene) == 8
    assert shared.wait() == 0


def test_a_slow_reader_misses_chat_and_is_told_how_much_while_the_others_hear_all(start: Start, show: Show) -> None:
    process = start()

    async def scene(crowd: Crowd) -> tuple[int, int]:
        slow, quick = await _slow_and_quick(crowd, process, show)
        for seq in range(1, MANY + 1):
            text = b"%d %b" % (seq, b"x" * 2000)
            bus.redis.publish(room_topic(show.room_id), b'%d\n{"type":"new_message","text":"%b"}' % (seq, text))
            await quick.hear_text(text.decode())
        lagging = await slow.hear_type("lagging")
        return lagging["dropped"], len(slow.messages())

    dropped, heard = play(scene)
    assert dropped > 0
    assert dropped + heard == MANY


def test_a_reader_that_lets_too_much_wait_is_closed_while_the_others_hear_all(start: Start, show: Show) -> None:
    process = start()

    async def scene(crowd: Crowd) -> int | None:
        slow, quick = await _slow_and_quick(crowd, process, show)
        for number in range(MANY):
            body = b'0\n{"type":"stream_updated","title":"%d %b"}' % (number, b"x" * 2000)
            bus.redis.publish(room_topic(show.room_id), body)
            await quick.hear_type("stream_updated")
        with pytest.raises(ConnectionClosed):
            await slow.hear(lambda _: False)
        return slow.socket.close_code

    assert play(scene) == 4408


@contextlib.contextmanager
def database_away(settings: Settings) -> Iterator[None]:
    """Nobody can use the test's database inside the block."""
    name = urlsplit(settings.database_owner_url).path.removeprefix("/")
    close_database()
    owner = psycopg2.connect(settings.database_owner_url.replace(f"/{name}", "/postgres"))
    try:
        owner.autocommit = True
        cursor = owner.cursor()
        cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        yield
        cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    finally:
        owner.close()


async def _slow_and_quick(crowd: Crowd, process: Process, show: Show) -> tuple[Person, Person]:
    """Two members of the room; the library stops reading for the first while nobody asks for what it has."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", process.port))
    slow = await crowd.person(process, sock=sock, max_queue=1)
    quick = await crowd.person(process)
    await slow.ask("join", room=show.room)
    await quick.ask("join", room=show.room)
    return slow, quick


def test_a_taken_port_is_said_in_one_line(start: Start, show: Show) -> None:
    first = start()
    second = Process(start.settings, REALTIME_PORT=str(first.port))
    try:
        assert second.wait() == 1
        assert (
            second.stderr().strip() == f"realtime: 127.0.0.1:{first.port} cannot be listened on: Address already in use"
        )
    finally:
        second.stop()
