"""The viewers of this process, told to Redis in steps: at once where somebody joins, else every second."""

import asyncio
import os
import secrets
import socket
from collections import Counter
from uuid import UUID

import structlog

from realtime.threads import Threads
from services import presence
from services.errors import ServiceError
from services.presence import Change, Count

log = structlog.get_logger(__name__)

TICK_S = 1
FRESH_S = 1


class RoomViewers:
    """Viewers of one room here: each counted by connections, and what Redis does not know yet."""

    def __init__(self) -> None:
        self.connections: Counter[bytes] = Counter()
        self.arrived: set[bytes] = set()
        self.left: set[bytes] = set()
        self.count = 0
        self.counted_at = float("-inf")

    def enter(self, viewer: bytes) -> None:
        self.connections[viewer] += 1
        if self.connections[viewer] == 1:
            self._move(viewer, self.left, self.arrived)

    def leave(self, viewer: bytes) -> None:
        self.connections[viewer] -= 1
        if self.connections[viewer] <= 0:
            del self.connections[viewer]
            self._move(viewer, self.arrived, self.left)

    @staticmethod
    def _move(viewer: bytes, undone: set[bytes], done: set[bytes]) -> None:
        if viewer in undone:
            undone.discard(viewer)
        else:
            done.add(viewer)


class Presence:
    """Keeps Redis up to date with who is in which room in this process."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._process = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._rooms: dict[UUID, RoomViewers] = {}
        self._dirty: set[UUID] = set()
        self._lock = asyncio.Lock()

    def enter(self, room_id: UUID, viewer: bytes) -> None:
        self._rooms.setdefault(room_id, RoomViewers()).enter(viewer)
        self._dirty.add(room_id)

    def leave(self, room_id: UUID, viewer: bytes) -> None:
        if room_id in self._rooms:
            self._rooms[room_id].leave(viewer)
            self._dirty.add(room_id)

    async def count(self, room_id: UUID) -> int:
        """Distinct viewers of a room that somebody here is in; at most FRESH_S old."""
        room = self._rooms.get(room_id)
        now = asyncio.get_running_loop().time()
        if room is not None and now - room.counted_at >= FRESH_S:
            room.counted_at = now
            await self._record([room_id])
        return max(room.count, len(room.connections)) if room else 0

    async def run(self) -> None:
        """Tell changes every second and refresh everything every REFRESH_S, until cancelled."""
        ticks = 0
        while True:
            await asyncio.sleep(TICK_S)
            ticks += 1
            is_refresh = ticks % presence.REFRESH_S == 0
            await self._record(list(self._rooms) if is_refresh else list(self._dirty))

    async def close(self) -> None:
        """Tell Redis that nobody is here any more."""
        await self._record(list(self._rooms))

    async def _record(self, room_ids: list[UUID]) -> None:
        if not room_ids:
            return
        async with self._lock:
            changes = [self._taken(room_id) for room_id in room_ids if room_id in self._rooms]
            try:
                counts = await self._threads.ask_redis(presence.record, self._process, changes)
            except ServiceError as error:
                log.warning("presence_not_told", error=error.message)
                self._give_back(changes)
                return
        for change in changes:
            self._told(change.room_id, counts[change.room_id])

    def _taken(self, room_id: UUID) -> Change:
        room = self._rooms[room_id]
        change = Change(room_id, list(room.arrived), list(room.left))
        room.arrived.clear()
        room.left.clear()
        self._dirty.discard(room_id)
        return change

    def _give_back(self, changes: list[Change]) -> None:
        """Redis did not hear: everything there is will be told again."""
        for change in changes:
            room = self._rooms[change.room_id]
            room.arrived = set(room.connections)
            room.left |= set(change.left) - room.arrived
            self._dirty.add(change.room_id)

    def _told(self, room_id: UUID, count: Count) -> None:
        room = self._rooms[room_id]
        room.count = count.viewers
        room.counted_at = asyncio.get_running_loop().time()
        if not room.connections and not room.left:
            if count.is_told:
                del self._rooms[room_id]
            else:
                self._dirty.add(room_id)
            return
        if count.of_this_process != len(room.connections) and not room.arrived and not room.left:
            room.arrived = set(room.connections)  # Redis has forgotten some
            self._dirty.add(room_id)
        if not count.is_told:
            self._dirty.add(room_id)
