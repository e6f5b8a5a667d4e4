"""The stock Socket.IO client, as a front end has it, against the real server."""

import asyncio
from typing import Any

import pytest
import socketio
from socketio.exceptions import ConnectionError as ConnectionRefused

from tests.realtime.conftest import Show, Start
from tests.realtime.running import Crowd, Process, play


def test_it_connects_signs_in_joins_sends_with_an_acknowledgement_and_hears_events(start: Start, show: Show) -> None:
    process = start()

    async def scene(crowd: Crowd) -> tuple[Any, Any, dict[str, Any]]:
        ben = await crowd.person(process)
        await ben.ask("join", room=show.room)
        async with _Stock(process, {"token": show.ana}) as stock:
            joined = await stock.client.call("join_stream", {"streamId": show.room.partition(":")[2]})
            sent = await stock.client.call("chat", {"text": "from a front end"})
            event = await stock.hear("new_message")
            await ben.hear_text("from a front end")
            refused = await stock.client.call("join-lounge", "00000000-0000-7000-8000-000000000000")
            assert refused["code"] == "room_not_found"
        return joined, sent, event

    joined, sent, event = play(scene)
    assert (joined["type"], joined["room"], joined["messages"]) == ("ack", show.room, [])
    assert sent["message"] == event
    assert event["text"] == "from a front end"


def test_answers_come_as_events_where_no_acknowledgement_is_asked_for(start: Start, show: Show) -> None:
    process = start()

    async def scene(crowd: Crowd) -> tuple[dict[str, Any], dict[str, Any]]:
        async with _Stock(process, None) as stock:
            await stock.client.emit("join", {"room": show.room, "id": "j1"})
            joined = await stock.hear("ack")
            await stock.client.emit("chat", {"text": "as a guest"})
            return joined, await stock.hear("error")

    joined, refused = play(scene)
    assert (joined["id"], joined["room"]) == ("j1", show.room)
    assert refused["code"] == "unauthorized"


def test_a_bad_token_is_an_error_and_the_end_of_the_connection(start: Start) -> None:
    process = start()

    async def scene(crowd: Crowd) -> dict[str, Any]:
        async with _Stock(process, {"token": "nonsense"}) as stock:
            refused = await stock.hear("error")
            await asyncio.wait_for(stock.gone.wait(), 60)
            assert stock.why_gone == stock.client.reason.SERVER_DISCONNECT  # or it would come back with the same token
            return refused

    assert play(scene)["code"] == "unauthorized"


def test_another_namespace_is_refused(start: Start) -> None:
    process = start()

    async def scene(crowd: Crowd) -> None:
        client = socketio.AsyncClient(reconnection=False)
        with pytest.raises(ConnectionRefused):
            await client.connect(process.url, transports=["websocket"], namespaces=["/admin"])
        await client.disconnect()

    play(scene)


class _Stock:
    """The library's client, its events in queues by name."""

    def __init__(self, process: Process, auth: dict[str, str] | None) -> None:
        self.client = socketio.AsyncClient(reconnection=False)
        self.gone = asyncio.Event()
        self._process, self._auth = process, auth
        self._heard: dict[str, asyncio.Queue[dict[str, Any]]] = {}
        for name in ("ack", "error", "new_message"):
            self._listen(name)
        self.why_gone = ""
        self.client.on("disconnect", self._end)

    async def __aenter__(self) -> "_Stock":
        await self.client.connect(self._process.url, auth=self._auth, transports=["websocket"])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.disconnect()

    async def hear(self, name: str) -> dict[str, Any]:
        return await asyncio.wait_for(self._heard[name].get(), 60)

    def _end(self, reason: str) -> None:
        self.why_gone = reason
        self.gone.set()

    def _listen(self, name: str) -> None:
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._heard[name] = queue
        self.client.on(name, queue.put_nowait)
