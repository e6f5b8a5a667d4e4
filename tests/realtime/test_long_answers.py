"""A history that takes a while to be read: it was asked for, and does not count against whoever reads it."""

import json

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from realtime.audience import Burst
from realtime.connection import ANSWER_BYTES_A_S, HARD_BOUND_BYTES, Connection
from realtime.dialects import JSON
from tests.realtime.test_connection import Host, with_socket

HISTORY = b'{"type":"ack","fill":"' + b"x" * 900_000 + b'"}'
MESSAGE = Burst([b'{"type":"new_message","seq":1}'], b"", JSON)
COUNT = Burst([b'{"type":"viewer_count","count":1}'], b"", JSON)


async def types(client: ClientConnection, count: int) -> list[str]:
    return [json.loads(await client.recv())["type"] for _ in range(count)]


def test_what_is_told_while_a_long_history_is_read_comes_after_it() -> None:
    async def scene(host: Host, connection: Connection, client: ClientConnection) -> list[str]:
        connection.send(HISTORY)
        connection.push(COUNT)
        connection.push(MESSAGE)
        connection.send(b'{"type":"pong"}')
        assert connection.is_open
        return await types(client, 4)

    assert with_socket(scene) == ["ack", "viewer_count", "pong", "lagging"]


def test_a_long_history_has_the_time_that_a_slow_line_needs_for_it() -> None:
    async def scene(host: Host, connection: Connection, client: ClientConnection) -> None:
        connection.send(HISTORY)
        assert connection.behind_since is not None
        assert connection.behind_since - connection.made_at >= len(HISTORY) / ANSWER_BYTES_A_S
        await types(client, 1)

    with_socket(scene)


def test_one_long_history_is_waited_for_and_no_second_one() -> None:
    async def scene(host: Host, connection: Connection, client: ClientConnection) -> int | None:
        for _ in range(4):
            connection.send(HISTORY)
        assert not connection.is_open
        with pytest.raises(ConnectionClosed):
            await types(client, 5)
        return client.close_code

    assert with_socket(scene) == 4408


def test_once_it_is_read_the_bound_is_what_it_was() -> None:
    async def scene(host: Host, connection: Connection, client: ClientConnection) -> None:
        connection.send(HISTORY)
        connection.send(b'{"type":"pong"}')
        assert await types(client, 2) == ["ack", "pong"]
        await client.send(b"x", text=True)
        await host.is_heard.wait()
        assert connection.behind_since is None
        told = Burst([b'{"type":"viewer_count","fill":"' + b"y" * 60_000 + b'"}'], b"", JSON)
        while connection.behind_since is None:
            connection.push(told)
        for _ in range(HARD_BOUND_BYTES // len(told.data) + 1):
            connection.push(told)
        assert not connection.is_open

    with_socket(scene)
