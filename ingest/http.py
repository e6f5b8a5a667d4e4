"""A small HTTP/1.1 server: requests in, fixed or streamed replies out, everything bounded.

h11 does the protocol; this gives it sockets and deadlines.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final, TypeAlias, cast
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import h11
import msgspec

MAX_HEAD_BYTES: Final = 16 << 10
READ_BYTES: Final = 64 << 10
MAX_CONNECTIONS: Final = 2_000
IDLE_S: Final = 30.0
SEND_WITHIN_S: Final = 20.0
SERVER_NAME: Final = b"astrotv-relay"


class Reply(msgspec.Struct, frozen=True):
    """A whole answer."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = {}


class Request(msgspec.Struct, frozen=True):
    """One request; its body, if it has one, is read through the exchange.

    `target` is its path with the query, `peer` the address of the other end; names of headers are in small letters.
    """

    method: str
    path: str
    query: Mapping[str, str]
    target: str = ""
    headers: Mapping[str, str] = {}
    peer: str = ""

    @property
    def is_passed_on(self) -> bool:
        """Whether another relay asks on behalf of somebody."""
        return SERVER_NAME.decode() in self.headers.get("via", "")


class Exchange:
    """One request's connection, for handlers that read a body or stream an answer."""

    def __init__(self, connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self._connection = connection
        self._reader = reader

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the request's body as it arrives; raises TimeoutError, h11.RemoteProtocolError."""
        while True:
            event = await self.next_event()
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif not isinstance(event, h11.InformationalResponse):
                return

    def begin_stream(self, content_type: str) -> None:
        """Begin an answer in chunked encoding that lasts as long as it lasts."""
        headers = [
            (b"Content-Type", content_type.encode()),
            (b"Cache-Control", b"no-store"),
            (b"Transfer-Encoding", b"chunked"),
            (b"Connection", b"close"),
        ]
        self.send(h11.Response(status_code=200, headers=headers))

    async def hung_up(self) -> None:
        """Wait until the client closes its side."""
        while await self._reader.read(READ_BYTES):
            pass

    async def request_is_whole(self) -> bool:
        """Whether nothing of the request is left unread; without it the connection cannot be used again."""
        if self._connection.their_state is h11.SEND_BODY:
            await self.next_event()
        return self._connection.their_state is h11.DONE

    def send(self, event: h11.Event) -> None:
        """Write a piece of the answer."""
        data = self._connection.send(event)
        if data:
            self.writer.write(data)

    async def next_event(self) -> h11.Event:
        """Return what the client says next; raises TimeoutError, h11.RemoteProtocolError."""
        while True:
            event = self._connection.next_event()
            if event is not h11.NEED_DATA:
                return cast(h11.Event, event)
            if self._connection.they_are_waiting_for_100_continue:
                self.send(h11.InformationalResponse(status_code=100, headers=[]))
            async with asyncio.timeout(IDLE_S):
                self._connection.receive_data(await self._reader.read(READ_BYTES))


#: Returns a Reply, or None where the handler has answered through the exchange.
Handler: TypeAlias = Callable[[Request, Exchange], Awaitable[Reply | None]]


class HttpServer:
    """Serves one handler on one port."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._conversations: set[asyncio.Task[None]] = set()

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port. Raises OSError where it is taken."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=READ_BYTES)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Take no more connections, and end those that are open."""
        if self._server is not None:
            self._server.close()
        conversations = list(self._conversations)
        for conversation in conversations:
            conversation.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversation = cast("asyncio.Task[None]", asyncio.current_task())
        self._conversations.add(conversation)
        try:
            if len(self._conversations) <= MAX_CONNECTIONS:
                await self._converse(reader, writer)
            writer.close()
        except (h11.ProtocolError, ConnectionError, TimeoutError):
            writer.transport.abort()
        except asyncio.CancelledError:  # by close(); raised on, it would be logged as an error (asyncio of 3.11)
            writer.transport.abort()
            await asyncio.sleep(0)  # the transport closes its socket in the next round of the loop
        finally:
            self._conversations.discard(conversation)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)
        while True:
            exchange = Exchange(connection, reader, writer)
            event = await exchange.next_event()
            if not isinstance(event, h11.Request):
                return
            reply = await self._handler(_request(event, writer), exchange)
            if reply is not None:
                _write_reply(exchange, reply, head_only=event.method == b"HEAD")
            async with asyncio.timeout(SEND_WITHIN_S):
                await writer.drain()
            if connection.our_state is not h11.DONE or not await exchange.request_is_whole():
                return
            connection.start_next_cycle()


def _request(event: h11.Request, writer: asyncio.StreamWriter) -> Request:
    try:
        target = urlsplit(event.target.decode("latin-1"))
        query = dict(parse_qsl(target.query, keep_blank_values=True, max_num_fields=20))
    except ValueError as malformed:
        raise h11.RemoteProtocolError("the request's target is malformed") from malformed
    whole = urlunsplit(("", "", target.path, target.query, ""))
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
    peer = writer.get_extra_info("peername")
    return Request(event.method.decode("latin-1"), target.path, query, whole, headers, str(peer[0]) if peer else "")


def _write_reply(exchange: Exchange, reply: Reply, *, head_only: bool) -> None:
    headers = [
        ("Content-Type", reply.content_type),
        ("Content-Length", str(len(reply.body))),
        ("Server", SERVER_NAME.decode()),
        *reply.headers.items(),
    ]
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    exchange.send(h11.Response(status_code=reply.status, headers=encoded))
    if reply.body and not head_only:
        exchange.send(h11.Data(data=reply.body))
    exchange.send(h11.EndOfMessage())
