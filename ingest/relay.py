"""The relay's HTTP interface: media out to transcoders, rungs in from them, low-latency HLS to players.

GET  /live/<stream>.flv?token=      everything since the last keyframe, then all that comes, as FLV
GET  /live/<stream>/keyframe?token= the last keyframe as a small FLV file
POST /live/<stream>/<rung>?token=   fragmented MP4 of one rung, for as long as it lasts
GET  /hls/[t/<token>/]<stream>/…    playlists and segments from memory, see hls.py; also those of a neighbour
GET  /health; and /metrics, for whoever asks from an inner network and not through a proxy
"""

import asyncio
import re
from collections.abc import Callable
from typing import Final
from uuid import UUID

import h11
from prometheus_client import CollectorRegistry, generate_latest

from ingest.errors import ProtocolError
from ingest.hls import HlsPages, MayFetch
from ingest.http import Exchange, Reply, Request
from ingest.lifecycle import Lifecycle
from ingest.neighbours import Neighbours
from ingest.offer import RUNGS
from services.client_addresses import is_forwarded, is_internal

FLV_TYPE: Final = "video/x-flv"
NOT_FOUND: Final = Reply(404, b"There is no such stream.\n")
NOT_ALLOWED: Final = Reply(405, b"That method is not known here.\n")

_UUID = r"(?P<stream>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_LIVE = re.compile(rf"/live/{_UUID}(?:\.(?P<flv>flv)|/(?P<name>[a-z0-9]+))")
_HLS = re.compile(rf"/hls/(?:t/(?P<token>[A-Za-z0-9_-]{{1,64}})/)?{_UUID}/(?P<file>[a-z0-9./-]+)")

TokenCheck = Callable[[UUID, str], bool]


class Relay:
    """Answers requests on the relay's port."""

    def __init__(
        self,
        lifecycle: Lifecycle,
        check_token: TokenCheck,
        may_fetch: MayFetch,
        neighbours: Neighbours,
        registry: CollectorRegistry,
    ) -> None:
        self._lifecycle = lifecycle
        self._check_token = check_token
        self._registry = registry
        self._hls = HlsPages(lifecycle, may_fetch, neighbours)

    async def __call__(self, request: Request, exchange: Exchange) -> Reply | None:
        """Answer one request."""
        if found := _LIVE.fullmatch(request.path):
            stream_id = UUID(found["stream"])
            if not self._check_token(stream_id, request.query.get("token", "")):
                return Reply(403, b"The token does not open this stream.\n")
            return await self._live(request.method, stream_id, found["name"] or "flv", exchange)
        if request.method not in ("GET", "HEAD"):
            return NOT_ALLOWED
        if found := _HLS.fullmatch(request.path):
            return await self._hls.answer(UUID(found["stream"]), found["file"], request, found["token"])
        return self._page(request)

    def _page(self, request: Request) -> Reply:
        if request.path == "/health":
            return Reply(200, b'{"status":"ok"}\n', "application/json")
        if request.path == "/metrics" and is_internal(request.peer) and not is_forwarded(request.headers):
            return Reply(200, generate_latest(self._registry), "text/plain; version=0.0.4; charset=utf-8")
        return Reply(404, b"There is nothing here.\n")

    async def _live(self, method: str, stream_id: UUID, name: str, exchange: Exchange) -> Reply | None:
        if name in RUNGS:
            return await self._take_rung(method, stream_id, name, exchange)
        if method != "GET":
            return NOT_ALLOWED
        if name == "flv":
            return await self._send_flv(stream_id, exchange)
        return self._keyframe(stream_id) if name == "keyframe" else NOT_FOUND

    def _keyframe(self, stream_id: UUID) -> Reply:
        broadcast = self._lifecycle.find(stream_id)
        data = broadcast.hub.keyframe_file() if broadcast is not None else None
        return Reply(200, data, FLV_TYPE, {"Cache-Control": "no-store"}) if data else NOT_FOUND

    async def _send_flv(self, stream_id: UUID, exchange: Exchange) -> Reply | None:
        broadcast = self._lifecycle.find(stream_id)
        if broadcast is None:
            return NOT_FOUND
        exchange.begin_stream(FLV_TYPE)
        reader = FlvReader(exchange)
        broadcast.hub.join(reader)
        try:
            await reader.wait()
        finally:
            broadcast.hub.leave(reader)
        return None

    async def _take_rung(self, method: str, stream_id: UUID, name: str, exchange: Exchange) -> Reply:
        if method not in ("POST", "PUT"):
            return NOT_ALLOWED
        broadcast = self._lifecycle.find(stream_id)
        if broadcast is None or broadcast.packager is None:
            return NOT_FOUND
        packager = broadcast.packager
        intake = packager.open_rung(name)
        try:
            async for data in exchange.body():
                intake.push(data)
                if intake.closed:
                    return Reply(409, b"The stream is over, or another upload took this one's place.\n")
        except ProtocolError as error:
            return Reply(400, f"{error}\n".encode())
        finally:
            packager.close_rung(intake)
        return Reply(200, b"ok\n")


class FlvReader:
    """One reader of a hub over HTTP, in chunked encoding: a normal end is told from a broken one."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._transport = exchange.writer.transport
        self._ended = asyncio.Event()

    def backlog(self) -> int:
        """Return how many bytes wait to be sent."""
        return self._transport.get_write_buffer_size()

    def write(self, data: bytes) -> None:
        """Send whole tags."""
        if not self._transport.is_closing():
            self._exchange.send(h11.Data(data=data))

    def close(self) -> None:
        """Send what waits, then end."""
        if not self._transport.is_closing():
            self._exchange.send(h11.EndOfMessage())
        self._ended.set()

    async def wait(self) -> None:
        """Wait until the stream ends or the client goes away."""
        waits = [asyncio.ensure_future(self._ended.wait()), asyncio.ensure_future(self._exchange.hung_up())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
