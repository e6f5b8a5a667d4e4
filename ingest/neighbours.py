"""Other ingest processes: what is asked here of a stream that is on air there is fetched from its relay.

Players and proxies may so ask any of them for low-latency playlists and parts, which lie in the memory of one.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

import h11
import structlog

from ingest.http import READ_BYTES, SERVER_NAME, Reply
from ingest.seam import Caller
from services.errors import ServiceError

#: For how long it is believed where a stream is.
KNOWN_FOR_S: Final = 2.0
MOST_KNOWN: Final = 10_000
CONNECT_WITHIN_S: Final = 2.0
#: Longer than a neighbour waits for a part that is to come.
ANSWER_WITHIN_S: Final = 15.0
MOST_BYTES: Final = 64 << 20

#: Who has passed a request on says so, and it is not passed on again (RFC 9110, 7.6.3).
VIA: Final = f"1.1 {SERVER_NAME.decode()}"
_PASSED_ON: Final = ("content-type", "cache-control", "access-control-allow-origin")

AWAY: Final = Reply(503, b"The server that has this stream does not answer.\n", headers={"Cache-Control": "no-store"})

log = structlog.get_logger()


class Neighbours:
    """Finds the relay that has a stream, and asks it."""

    def __init__(self, own_url: str, relay_of: Callable[[UUID], str | None], call: Caller) -> None:
        """`own_url` is this process's relay; `relay_of` tells which relay has a stream, and may wait for a database."""
        self._own_url = own_url
        self._relay_of = relay_of
        self._call = call
        self._known: dict[UUID, tuple[float, asyncio.Task[str | None]]] = {}

    async def ask(self, stream_id: UUID, target: str) -> Reply | None:
        """Return what the relay that has a stream answers to `target`, a path and query; None where none has it."""
        url = await self._find(stream_id)
        if url is None or url == self._own_url:
            return None
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await fetch(url, target)
        except (OSError, h11.RemoteProtocolError, TimeoutError) as error:
            log.warning("a neighbour does not answer", relay=url, error=str(error) or type(error).__name__)
            return AWAY

    async def _find(self, stream_id: UUID) -> str | None:
        """Where a stream is; asked once for everybody who wants to know, and remembered for a moment."""
        now = time.monotonic()
        until_s, asked = self._known.get(stream_id, (0.0, None))
        if asked is None or now > until_s:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            asked = asyncio.get_running_loop().create_task(self._look_up(stream_id))
            self._known[stream_id] = (now + KNOWN_FOR_S, asked)
        return await asyncio.shield(asked)

    async def _look_up(self, stream_id: UUID) -> str | None:
        try:
            return await self._call(self._relay_of, stream_id)
        except ServiceError as error:
            log.warning("where a stream is cannot be told", error=str(error))
            return None


async def fetch(url: str, target: str) -> Reply:
    """GET a path of another relay; raises OSError, h11.RemoteProtocolError, TimeoutError."""
    place = urlsplit(url)
    port = place.port or 80
    async with asyncio.timeout(CONNECT_WITHIN_S):
        reader, writer = await asyncio.open_connection(place.hostname, port)
    try:
        connection = h11.Connection(h11.CLIENT)
        headers: list[tuple[str, str]] = [("Host", place.netloc), ("Via", VIA), ("Connection", "close")]
        writer.write(connection.send(h11.Request(method="GET", target=target, headers=headers)) or b"")
        writer.write(connection.send(h11.EndOfMessage()) or b"")
        return await _reply(connection, reader)
    finally:
        writer.transport.abort()


async def _reply(connection: h11.Connection, reader: asyncio.StreamReader) -> Reply:
    head: h11.Response | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(READ_BYTES))
        elif isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > MOST_BYTES:
                raise OSError("the answer is too large")
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            return _passed_on(head, bytes(body))
        elif not isinstance(event, h11.InformationalResponse):
            raise OSError("the answer broke off")


def _passed_on(head: h11.Response, body: bytes) -> Reply:
    given = {name.decode(): value.decode("latin-1") for name, value in head.headers if name.decode() in _PASSED_ON}
    content_type = given.pop("content-type", "application/octet-stream")
    return Reply(head.status_code, body, content_type, {name.title(): value for name, value in given.items()})
