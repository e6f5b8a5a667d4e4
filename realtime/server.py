"""The process: sockets on one side, Redis and the services on the other, and their ordered end."""

import asyncio
import random
import socket
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

import structlog
from websockets.http11 import Request, Response

from realtime import handshake, socketio
from realtime.admission import CONNECTIONS_A_PROCESS, Admission
from realtime.answers import GoingAway
from realtime.attendance import Attendance
from realtime.boards import Boards
from realtime.client import Client
from realtime.connection import Connection
from realtime.control import Control
from realtime.dialects import JSON, SOCKET_IO
from realtime.doors import Doors
from realtime.fan_out import FanOut
from realtime.frames import text_frame
from realtime.hall import Hall
from realtime.handlers import accounts, events, moderation
from realtime.handlers import chat as chat_handlers
from realtime.handlers import rooms as room_handlers
from realtime.heartbeat import PING_S, Heartbeat
from realtime.metrics import Metrics
from realtime.openings import Openings
from realtime.passes import Passes
from realtime.presence import Presence
from realtime.prospects import Prospects
from realtime.protocol import Authenticate, Close, Code, JoinStream, Refused, Said
from realtime.reactions import Reactions
from realtime.relay import Relay
from realtime.rooms import Rooms
from realtime.router import Router, beginners_of, table_of
from realtime.threads import Threads
from realtime.writer import THREADS as WRITING_THREADS
from realtime.writer import Writer
from services import chat
from services.standing import FreshStandings, RememberedStandings
from services.topics import CONTROL
from settings import Settings

log = structlog.get_logger(__name__)

SERVICE_THREADS = 8
DATABASE_CONNECTIONS = SERVICE_THREADS + WRITING_THREADS
RETRY_SPREAD_MS = (500, 5000)
DRAIN_S = 5
GOODBYE_S = 2
SHAKING_HANDS = 2000  # sockets that have not said what they want
BACKLOG = 4096


class Server:
    """All parts of one realtime process. Make it on the event loop, then `start` and `stop`."""

    def __init__(self, settings: Settings, crashed: Callable[[], None]) -> None:
        """`crashed` is called where one of the process's endless loops breaks."""
        self._crashed = crashed
        self._metrics = Metrics()
        self._threads = Threads(SERVICE_THREADS)
        standings = RememberedStandings(FreshStandings())
        self._fan_out = FanOut(self._metrics)
        self._rooms = Rooms(self._threads, self._metrics, self._fan_out)
        self._presence = Presence(self._threads)
        memory = chat.remembering(standings)
        self._writer = Writer(
            partial(chat.store_messages, memory=memory),
            partial(chat.announce, memory=memory),
            self._rooms.hear_own,
            self._metrics,
        )
        self._attendance = Attendance(self._threads)
        self._passes = Passes(self._threads)
        self._reactions = Reactions(self._threads, self._rooms)
        self._connections: set[Connection] = set()
        self._clients: dict[Connection, Client] = {}
        self._doors = Doors(self._threads, self._clients.values(), lambda *place: self._hall.put_out(*place))
        self._hall = Hall(
            threads=self._threads,
            rooms=self._rooms,
            openings=Openings(self._threads),
            writer=self._writer,
            presence=self._presence,
            attendance=self._attendance,
            reactions=self._reactions,
            passes=self._passes,
            standings=standings,
            prospects=Prospects(self._threads, standings),
            doors=self._doors,
            metrics=self._metrics,
        )
        handlers = [accounts, room_handlers, chat_handlers, moderation, events]
        self._router = Router(table_of(handlers), beginners_of(handlers), self._hall)
        self._relay = Relay(settings.redis_url, self._rooms.hear, self._resume)
        self._rooms.attach(self._relay)
        self._admission = Admission(settings, self._metrics)
        self._boards = Boards(self._threads, self._rooms, self._clients.values())
        self._rooms.divert("board_changed", self._boards.hear)
        self._rooms.divert("reacted", self._reactions.hear)
        self._control = Control(self._clients.values(), self._hall)
        self._heartbeat = Heartbeat(self._connections, self._clients)
        self._tasks: list[asyncio.Task[None]] = []
        self._listeners: list[asyncio.Server] = []
        self.origins = self._admission.origins

    async def start(self, listening: Sequence[socket.socket]) -> None:
        """Accept connections on sockets that are bound already."""
        for work in (
            self._relay.run(),
            self._rooms.audit_forever(),
            self._presence.run(),
            self._attendance.run(),
            self._reactions.run(),
            self._doors.run(),
            self._heartbeat.run(),
            self._passes.run(self._clients.values(), self._hall.sign_out),
        ):
            self._tasks.append(asyncio.create_task(self._outermost(work)))
        await self._rooms.watch(CONTROL, self._control.hear)
        loop = asyncio.get_running_loop()
        for sock in listening:
            self._listeners.append(await loop.create_server(lambda: Connection(self), sock=sock, backlog=BACKLOG))

    async def stop(self) -> None:
        """Accept no more, tell everyone, store what was taken, say good-bye; within 10 s."""
        for listener in self._listeners:
            listener.close()
        self._admission.is_shut = True
        for client in self._clients.values():
            client.tell(GoingAway(random.randint(*RETRY_SPREAD_MS)))  # noqa: S311 - spreads load, keeps no secret
        await self._drain()
        for connection in list(self._connections):
            connection.close(Close.RESTART, "server restarts")
        await self._wait_for_goodbyes()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._threads.close()

    # --- what connections tell -------------------------------------------------

    def connected(self, connection: Connection) -> None:
        self._connections.add(connection)
        if len(self._connections) > CONNECTIONS_A_PROCESS + SHAKING_HANDS:
            connection.abort()

    def answer(self, connection: Connection, request: Request) -> Response | None:
        decided = self._admission.read(request, connection.address)
        if isinstance(decided, Response):
            return decided
        asked, connection.address = decided
        connection.dialect = SOCKET_IO if asked.kind == "socketio" else JSON
        connection.asked = asked
        return None

    def opened(self, connection: Connection) -> None:
        client = self._clients[connection] = Client(connection)
        self._admission.enter(connection.address)
        asked, connection.asked = connection.asked or handshake.Request("json"), None
        if connection.dialect is SOCKET_IO:
            connection.write(text_frame(socketio.open_packet(client.sid, PING_S)))
        if asked.token:
            self._router.submit(client, Said(Authenticate(token=asked.token)))
        if asked.stream_id:
            self._router.submit(client, Said(JoinStream(stream_id=asked.stream_id)))

    def heard(self, connection: Connection, text: str) -> None:
        client = self._clients[connection]
        try:
            said = connection.dialect.read(text)
        except Refused as refused:
            self._router.refuse(client, refused)
            return
        if isinstance(said, Said):
            self._router.submit(client, said)
        else:
            self._heard_packet(client, said)

    def heard_binary(self, connection: Connection) -> None:
        refused = Refused(Code.BINARY, "Binary frames are not taken here.")
        self._router.refuse(self._clients[connection], refused)

    def lost(self, connection: Connection) -> None:
        client = self._clients.pop(connection, None)
        if client is not None:
            self._hall.forget(client)
            self._admission.leave(connection.address)
            if connection.closed_with == Close.TOO_SLOW:
                self._metrics.closed_slow.inc()

    def disconnected(self, connection: Connection) -> None:
        self._connections.discard(connection)

    # --- inside -------------------------------------------------------------------

    def _heard_packet(self, client: Client, packet: socketio.Packet) -> None:
        connection = client.connection
        if isinstance(packet, socketio.Connect):
            connection.write(text_frame(socketio.connected(client.sid)))
            if packet.token:
                self._router.submit(client, Said(Authenticate(token=packet.token)))
        elif isinstance(packet, socketio.WrongNamespace):
            error = socketio.connect_error("not_found", "Invalid namespace", packet.namespace)
            connection.write(text_frame(error))
        elif isinstance(packet, socketio.Goodbye):
            connection.close(Close.NORMAL)

    async def _drain(self) -> None:
        try:
            await asyncio.wait_for(self._writer.close(), DRAIN_S)
        except TimeoutError:
            log.error("writer_not_drained")
        await self._router.finish(1)
        self._fan_out.finish()

    async def _wait_for_goodbyes(self) -> None:
        deadline = asyncio.get_running_loop().time() + GOODBYE_S
        while self._connections and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)
        for connection in list(self._connections):
            connection.abort()
        await self._presence.close()
        await self._attendance.tell()

    def _resume(self) -> None:
        """Redis is back: make up for what was not heard."""
        self._rooms.resume()
        self._boards.resume()
        self._control.resume()

    async def _outermost(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:  # one of the outermost loops
            log.exception("loop_crashed")
            self._crashed()
