"""One socket against a real client: frames, fragments, and what may wait to be read."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from realtime.audience import Burst
from realtime.client import Client
from realtime.connection import Connection
from realtime.dialects import JSON
from realtime.heartbeat import HANDSHAKE_S, JOIN_S, PING_S, SILENCE_S, STUCK_S, Heartbeat

T = TypeVar("T")


class Host:
    """A process with one connection, which keeps what it is told."""

    origins: list[str | None] | None = None

    def __init__(self) -> None:
        self.connection: Connection | None = None
        self.texts: list[str] = []
        self.binaries = 0
        self.is_lost = asyncio.Event()
        self.is_open = asyncio.Event()
        self.is_heard = asyncio.Event()

    def connected(self, connection: Connection) -> None:
        self.connection = connection

    def answer(self, connection: Connection, request: Request) -> Response | None:
        return None

    def opened(self, connection: Connection) -> None:
        self.is_open.set()

    def heard(self, connection: Connection, text: str) -> None:
        self.texts.append(text)
        self.is_heard.set()

    def heard_binary(self, connection: Connection) -> None:
        self.binaries += 1
        self.is_heard.set()

    def lost(self, connection: Connection) -> None:
        self.is_lost.set()

    def disconnected(self, connection: Connection) -> None: ...


def with_socket(scene: Callable[[Host, Connection, ClientConnection], Awaitable[T]]) -> T:
    """Run a scene with both ends of one open WebSocket."""

    async def run() -> T:
        host = Host()
        server = await asyncio.get_running_loop().create_server(lambda: Connection(host), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with asyncio.timeout(20), connect(f"ws://127.0.0.1:{port}/ws", compression=None, max_queue=1) as client:
            await host.is_open.wait()
            assert host.connection is not None
            try:
                return await scene(host, host.connection, client)
            finally:
                server.close()

    return asyncio.run(run())


def test_fragments_are_heard_as_one_and_binary_ones_not_at_all() -> None:
    async def scene(host: Host, connection: Connection, client: ClientConnection) -> None:
        await client.send(["one ", "two ", "three"])
        await client.send([b"\x00", b"\x01"])
        await client.send("four")
        while host.texts != ["one two three", "four"]:
            host.is_heard.clear()
            await host.is_heard.wait()
        assert host.binaries == 1

    with_socket(scene)


def test_text_that_is_no_utf8_ends_the_connection() -> None:
    async def scene(host: Host, connection: Connection, client: ClientConnection) -> int | None:
        await client.send(b"\xff\xfe", text=True)
        with pytest.raises(ConnectionClosed):
            await client.recv()
        return client.close_code

    assert with_socket(scene) == 1007


def test_whatever_way_it_is_written_it_arrives_in_order_and_whole() -> None:
    """Small and large, one by one and in bursts, to the kernel and through the buffer."""

    async def scene(host: Host, connection: Connection, client: ClientConnection) -> None:
        sizes = [10, 5000, 200, 60000, 1] * 6
        for number, size in enumerate(sizes):
            event = b'{"type":"x","n":%d,"fill":"%b"}' % (number, b"y" * size)
            if number % 2:
                connection.send(event)
            else:
                connection.push(Burst([event], b"", JSON))
            if number % 5 == 4:
                for seen in range(number - 4, number + 1):
                    assert json.loads(await client.recv())["n"] == seen

    with_socket(scene)


def test_after_closing_nothing_is_written_any_more() -> None:
    async def scene(host: Host, connection: Connection, client: ClientConnection) -> int | None:
        connection.close(4401, "unauthorized")
        assert host.is_lost.is_set()
        connection.send(b'{"type":"late"}')
        connection.ping()
        connection.close(1000)
        with pytest.raises(ConnectionClosed):
            await client.recv()
        return client.close_code

    assert with_socket(scene) == 4401


def test_the_other_sides_good_bye_is_answered() -> None:
    async def scene(host: Host, connection: Connection, client: ClientConnection) -> int | None:
        await client.close(1000)
        await host.is_lost.wait()
        return client.close_code

    assert with_socket(scene) == 1000


class Beating:
    """A connection as the heartbeat sees it, and what was done to it."""

    def __init__(self) -> None:
        self.made_at = self.pinged_at = self.last_heard_at = 0.0
        self.behind_since: float | None = None
        self.was_open = True
        self.done: list[str] = []

    def ping(self) -> None:
        self.done.append("ping")

    def abort(self) -> None:
        self.done.append("abort")

    def close(self, code: int, reason: str) -> None:
        self.done.append(str(code))


def beat(connection: Beating, now: float, *, has_client: bool = True, has_joined: bool = True) -> list[str]:
    client = Client(connection)  # type: ignore[arg-type]
    client.has_joined = has_joined
    clients = {connection: client} if has_client else {}
    Heartbeat([], clients).check(connection, now)  # type: ignore[arg-type]
    return connection.done


def test_the_heartbeat_pings_and_ends_what_is_stuck_or_idle() -> None:
    assert beat(Beating(), PING_S - 1) == []
    assert beat(Beating(), PING_S) == ["ping"]
    assert beat(Beating(), SILENCE_S + 1) == ["abort"]
    assert beat(Beating(), HANDSHAKE_S + 1, has_client=False) == []
    idle, stuck, mute = Beating(), Beating(), Beating()
    idle.last_heard_at = stuck.last_heard_at = JOIN_S
    assert beat(idle, JOIN_S + 1, has_joined=False) == ["1008"]
    stuck.behind_since = JOIN_S - STUCK_S
    assert beat(stuck, JOIN_S + 1) == ["4408"]
    mute.was_open = False
    assert beat(mute, HANDSHAKE_S + 1, has_client=False) == ["abort"]
