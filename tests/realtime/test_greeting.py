"""The first request of a socket: in pieces, with frames right behind it, or without an end."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable

from realtime.connection import BAD_REQUEST, GREETING_LIMIT_BYTES, Connection
from tests.realtime.test_connection import Host

REQUEST = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
SAID = json.dumps({"type": "ping"}).encode()
FRAME = bytes([0x81, 0x80 | len(SAID)]) + bytes(4) + SAID

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def on_a_line(scene: Callable[[Host, Line], Awaitable[None]]) -> None:
    """Run a scene with a bare socket to one connection of the server."""

    async def run() -> None:
        host = Host()
        server = await asyncio.get_running_loop().create_server(lambda: Connection(host), "127.0.0.1", 0)
        async with asyncio.timeout(20):
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
            await scene(host, (reader, writer))
            writer.close()
            server.close()

    asyncio.run(run())


def test_a_request_in_pieces_with_a_frame_behind_it_is_one_request_and_one_frame() -> None:
    async def scene(host: Host, line: Line) -> None:
        reader, writer = line
        whole = REQUEST + FRAME
        for start in range(0, len(whole), 7):
            writer.write(whole[start : start + 7])
            await writer.drain()
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        await host.is_heard.wait()
        assert host.texts == [SAID.decode()]

    on_a_line(scene)


def test_a_request_without_an_end_is_cut_off() -> None:
    async def scene(host: Host, line: Line) -> None:
        reader, writer = line
        writer.write(b"GET /ws HTTP/1.1\r\nCookie: " + b"x" * (2 * GREETING_LIMIT_BYTES))
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        assert not host.is_open.is_set()

    on_a_line(scene)


def test_what_is_no_request_is_told_so() -> None:
    async def scene(host: Host, line: Line) -> None:
        reader, writer = line
        writer.write(b"nonsense\r\n\r\n")
        assert await reader.read() == BAD_REQUEST
        assert not host.is_open.is_set()

    on_a_line(scene)


def test_empty_fragments_are_not_kept() -> None:
    async def scene(host: Host, line: Line) -> None:
        reader, writer = line
        writer.write(REQUEST + bytes([0x01, 0x80]) + bytes(4) + (bytes([0x00, 0x80]) + bytes(4)) * 5000)
        writer.write(bytes([0x80, 0x82]) + bytes(4) + b"ok")
        await reader.readuntil(b"\r\n\r\n")
        await host.is_heard.wait()
        assert host.texts == ["ok"]

    on_a_line(scene)
