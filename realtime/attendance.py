"""Who of an event's rooms is here and since when, told to the database for the sake of watch time."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import structlog

from realtime.client import Client
from realtime.heartbeat import PING_S
from realtime.threads import Threads
from services import attendance_spans, clock
from services.attendance_spans import ALIVE_EVERY_S, Visit
from services.errors import ServiceError
from services.ids import new_id

log = structlog.get_logger(__name__)

TICK_S = 1
#: A socket that lives answers pings: one silent for longer vanished when it was last heard.
VANISHED_S = PING_S + 5
ROOMS_REMEMBERED = 10_000


class Attendance:
    """The visits of this process: told when they begin and end, and that it is alive in between."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._process_id = new_id()
        self._inside: dict[tuple[bytes, UUID], Visit] = {}
        self._untold: dict[UUID, Visit] = {}
        self._is_of_event: dict[UUID, bool] = {}
        self._lock = asyncio.Lock()

    def enter(self, client: Client, room_id: UUID) -> None:
        """A socket came into a room; guests attend nothing."""
        if client.actor is None or self._is_of_event.get(room_id) is False:
            return
        visit = Visit(new_id(), room_id, client.actor.user_id, clock.now())
        self._inside[client.key, room_id] = self._untold[visit.id] = visit

    def leave(self, client: Client, room_id: UUID) -> None:
        """A socket left a room, or vanished."""
        visit = self._inside.pop((client.key, room_id), None)
        if visit is not None:
            self._untold[visit.id] = msgspec.structs.replace(visit, left_at=_gone_at(client))

    async def run(self) -> None:
        """Tell changes every second, and every ALIVE_EVERY_S that this process is alive, until cancelled."""
        ticks = 0
        while True:
            await asyncio.sleep(TICK_S)
            ticks += 1
            if self._untold or (self._inside and ticks % ALIVE_EVERY_S == 0):
                await self.tell()

    async def tell(self) -> None:
        """Tell everything that is not told; where the database is away it stays to be told."""
        async with self._lock:
            visits, self._untold = self._untold, {}
            try:
                await self._learn({visit.room_id for visit in visits.values()})
                told = [visit for visit in visits.values() if self._is_of_event[visit.room_id]]
                if told or any(self._is_of_event.get(room_id) for _, room_id in self._inside):
                    await self._threads.query(attendance_spans.record, self._process_id, told)
            except ServiceError as error:
                log.warning("attendance_not_told", visits=len(visits), error=error.message)
                self._untold = visits | self._untold

    async def _learn(self, room_ids: set[UUID]) -> None:
        """Find out which rooms belong to events; a room never changes in that."""
        unknown = room_ids - self._is_of_event.keys()
        if not unknown:
            return
        found = await self._threads.query(attendance_spans.rooms_of_events, list(unknown))
        if len(self._is_of_event) > ROOMS_REMEMBERED:
            self._is_of_event = {room_id: known for room_id, known in self._is_of_event.items() if room_id in room_ids}
        self._is_of_event |= {room_id: room_id in found for room_id in unknown}


def _gone_at(client: Client) -> datetime:
    silent_s = asyncio.get_running_loop().time() - client.connection.last_heard_at
    return clock.now() - timedelta(seconds=silent_s if silent_s > VANISHED_S else 0)
