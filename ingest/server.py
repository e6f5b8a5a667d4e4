"""The RTMP port: one small protocol object for each encoder's connection."""

import asyncio
from collections.abc import Callable
from typing import Final, cast

import structlog

from ingest.broadcast import Broadcast
from ingest.errors import IngestError, Refused, UnsupportedMedia
from ingest.lifecycle import Lifecycle
from ingest.metrics import REFUSALS
from ingest.rtmp.proxy_line import ProxyLine
from ingest.rtmp.session import Event, Media, Metadata, PublishRequested, Session, Unpublished
from ingest.tasks import Tasks

CHECK_EVERY_S: Final = 1.0
CLOSE_WITHIN_S: Final = 3.0
MAX_CONNECTIONS: Final = 1_000

log = structlog.get_logger()


class RtmpServer:
    """Listens for encoders."""

    def __init__(self, lifecycle: Lifecycle, *, shares_port: bool = False, behind_proxy: bool = False) -> None:
        """`shares_port`: other processes listen there as well. `behind_proxy`: a balancer says who connects."""
        self.lifecycle = lifecycle
        self.behind_proxy = behind_proxy
        self._shares_port = shares_port
        self.tasks = Tasks()
        self.connections: set[RtmpConnection] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port, which matters for port 0. Raises OSError where it is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: RtmpConnection(self), host, port, reuse_port=self._shares_port or None
        )
        return int(self._server.sockets[0].getsockname()[1])

    def stop_listening(self) -> None:
        """Take no more connections, and drop those that do not publish."""
        if self._server is not None:
            self._server.close()
        for connection in tuple(self.connections):
            if not connection.publishing:
                connection.abort("the server stops")

    async def close(self) -> None:
        """Drop every connection that is left, and wait until all are gone."""
        self.stop_listening()
        for connection in tuple(self.connections):
            connection.abort("the server stops")
        await self.tasks.finished()
        while self.connections:
            await asyncio.sleep(0)


class RtmpConnection(asyncio.Protocol):
    """Moves bytes between a socket and a Session, and media to a Broadcast.

    Until the key has been checked nothing is read but handshake and commands;
    while it is being checked nothing is read at all.
    """

    def __init__(self, server: RtmpServer) -> None:
        self.address = ""
        self._server = server
        self._station = server.lifecycle.station
        self._session = Session()
        self._proxy_line = ProxyLine() if server.behind_proxy else None
        self._transport: asyncio.Transport | None = None
        self._broadcast: Broadcast | None = None
        self._closing = False
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()

    @property
    def publishing(self) -> bool:
        """Whether its key was good."""
        return self._broadcast is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if peer else ""
        self._server.connections.add(self)
        if len(self._server.connections) > MAX_CONNECTIONS:
            self.abort("too many connections")
        self._timer = self._loop.call_later(self._station.publish_within_s, self.abort, "did not publish in time")

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        self._stop_timer()
        if self._broadcast is not None:
            self._broadcast.lose(self)
            self._broadcast = None

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        self._heard_at = self._loop.time()
        self._obey(lambda: self._receive(data))

    def silent_s(self) -> float:
        """Return for how many seconds nothing has come."""
        return self._loop.time() - self._heard_at

    def cut(self, code: str, description: str) -> None:
        """Tell the encoder why, and close; its broadcast is not told."""
        self._broadcast = None
        self._refuse(Refused(code, description))

    def abort(self, why: str) -> None:
        """Close at once, without a word."""
        log.info("connection dropped", why=why, address=self.address)
        if self._transport is not None:
            self._transport.abort()

    def _receive(self, data: bytes) -> list[Event]:
        """Read what the balancer says first, where there is one, then the encoder."""
        if self._proxy_line is not None:
            data = self._proxy_line.receive(data)
            if not self._proxy_line.done:
                return []
            self.address, self._proxy_line = self._proxy_line.address, None
        return self._session.receive(data)

    def _obey(self, read: Callable[[], list[Event]]) -> None:
        """Read what the encoder says and do it; answer what cannot be done."""
        try:
            self._handle(read())
        except UnsupportedMedia as unsupported:
            self._refuse(Refused("NetStream.Publish.Rejected", str(unsupported)))
        except IngestError as error:
            self.abort(str(error))
        self._flush()

    def _handle(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case Media(kind, timestamp, payload):
                    if self._broadcast is not None:
                        self._broadcast.take_media(kind, timestamp, payload)
                case Metadata():
                    if self._broadcast is not None:
                        self._broadcast.take_metadata(event)
                case PublishRequested():
                    self._ask(event)
                case Unpublished():
                    self._end()
        if self._session.closed:
            self._close()

    def _ask(self, request: PublishRequested) -> None:
        if self._transport is not None:
            self._transport.pause_reading()
            self._server.tasks.start(self._admit(request.key))

    async def _admit(self, key: str) -> None:
        """Await the check of the key, then go on reading, or refuse."""
        try:
            broadcast = await self._server.lifecycle.admit(key, self)
        except Refused as refusal:
            self._refuse(refusal)
            return
        if self._transport is None or self._transport.is_closing() or self._closing:
            broadcast.lose(self)
            return
        self._broadcast = broadcast
        self._heard_at = self._loop.time()
        self._stop_timer()
        self._watch_silence()
        self._obey(self._session.accept)
        self._resume_reading()

    def _refuse(self, refusal: Refused) -> None:
        REFUSALS.labels(refusal.code).inc()
        log.info("publisher refused", code=refusal.code, why=refusal.description, address=self.address)
        self._session.refuse(refusal.code, refusal.description)
        self._close()

    def _end(self) -> None:
        if self._broadcast is not None:
            broadcast, self._broadcast = self._broadcast, None
            broadcast.unpublish(self)

    def _close(self) -> None:
        """Send what waits, and close; what still comes is not looked at.

        Only our side is closed at first: closing both with bytes unread would reset the
        connection, and the encoder might never hear why.
        """
        if self._broadcast is not None:
            self._broadcast.lose(self)
            self._broadcast = None
        self._flush()
        if self._transport is not None and not self._transport.is_closing() and not self._closing:
            self._closing = True
            self._transport.write_eof()
            self._resume_reading()
            self._stop_timer()
            self._timer = self._loop.call_later(CLOSE_WITHIN_S, self._transport.abort)

    def _flush(self) -> None:
        data = self._session.outgoing()
        if data and self._transport is not None and not self._transport.is_closing() and not self._closing:
            self._transport.write(data)

    def _resume_reading(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _watch_silence(self) -> None:
        if self.silent_s() > self._station.silence_s:
            self.abort("silent for too long")
        else:
            self._timer = self._loop.call_later(CHECK_EVERY_S, self._watch_silence)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
