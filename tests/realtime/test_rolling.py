"""A server that is told to stop under load, and another that takes its place on the same port."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from db.connection import connection, query
from services import sessions
from services.sessions import Device
from tests.factories import make_user
from tests.realtime.conftest import Show, Start
from tests.realtime.running import LIMIT_S, Event, Process, wait_for

TALKERS = 12
SAID_BY_EACH = 18  # an account may say 20 in 10 s
ALL = TALKERS * SAID_BY_EACH
PAUSE_S = 0.05
RESTART = 1012


class Regular:
    """Somebody who comes back wherever they are told to, with the last message seen."""

    def __init__(self, process: Process, room: str, token: str | None = None) -> None:
        self._url, self._room, self._token = f"{process.url}/ws", room, token
        self.seen: list[int] = [0]
        self.acknowledged: dict[str, str] = {}
        self.ends: Counter[int | None] = Counter()
        self.was_warned = False

    async def listen(self) -> None:
        """Stay until everything was heard."""

        async def visit(socket: Any) -> bool:
            while self.seen[-1] < ALL:
                await self._next(socket)
            return True

        await self._visits(visit)

    async def talk(self, name: str) -> None:
        """Say everything, each message again with its own id until it is acknowledged."""

        async def visit(socket: Any) -> bool:
            for number in range(SAID_BY_EACH):
                key = f"{name}-{number}"
                while key not in self.acknowledged:
                    said = {"type": "chat", "id": key, "text": key, "clientMessageId": key}
                    await socket.send(json.dumps(said))
                    await self._answer(socket, key)
                await asyncio.sleep(PAUSE_S)
            return True

        await self._visits(visit)

    async def _visits(self, visit: Callable[[Any], Awaitable[bool]]) -> None:
        is_done = False
        while not is_done:
            try:
                async with connect(self._url, compression=None) as socket:
                    joining = {"type": "join", "room": self._room, "since": self.seen[-1], "token": self._token}
                    await socket.send(json.dumps(joining))
                    is_done = await visit(socket)
            except ConnectionClosed as closed:
                self.ends[closed.rcvd.code if closed.rcvd else None] += 1
            except OSError:
                await asyncio.sleep(PAUSE_S)

    async def _answer(self, socket: Any, key: str) -> None:
        while True:
            event = await self._next(socket)
            if event.get("id") == key:
                if event["type"] == "ack":
                    self.acknowledged[key] = event["message"]["id"]
                return

    async def _next(self, socket: Any) -> Event:
        event: Event = json.loads(await socket.recv())
        self.was_warned |= event["type"] == "server_going_away"
        if event["type"] == "new_message":
            self.seen.append(event["seq"])
        elif "messages" in event:
            self.seen += [message["seq"] for message in event["messages"]]
        return event


def test_under_load_a_stop_loses_nothing_acknowledged_and_the_next_on_the_port_takes_everybody(
    start: Start, show: Show
) -> None:
    first = start()
    with connection():
        tokens = [sessions.open_session(make_user().id, Device()).access_token for _ in range(TALKERS)]
    talkers = [Regular(first, show.room, token) for token in tokens]
    listeners = [Regular(first, show.room) for _ in range(6)]

    async def restart() -> Process:
        await asyncio.to_thread(wait_for, lambda: max(talker.seen[-1] for talker in talkers) > ALL // 4, "a storm")
        first.terminate()
        return await asyncio.to_thread(start, REALTIME_PORT=str(first.port))

    async def scene() -> None:
        async with asyncio.timeout(3 * LIMIT_S), asyncio.TaskGroup() as group:
            group.create_task(restart())
            for number, talker in enumerate(talkers):
                group.create_task(talker.talk(str(number)))
            for listener in listeners:
                group.create_task(listener.listen())

    asyncio.run(scene())
    assert first.wait() == 0
    stored = {key: str(found) for found, key in query("SELECT id, client_message_id FROM messages ORDER BY seq")}
    assert len(stored) == ALL
    assert {key: found for talker in talkers for key, found in talker.acknowledged.items()} == stored
    for listener in listeners:
        assert listener.seen == list(range(ALL + 1))
        assert listener.ends == {RESTART: 1}
        assert listener.was_warned
