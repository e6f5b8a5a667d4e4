"""Reactions on their way: summed here before other processes hear of them, and again before sockets do.

A storm of reactions so costs one small publication a room and process every tenth of a second, and
each socket hears of a room's reactions twice a second at most.
"""

import asyncio
from collections import Counter, defaultdict
from uuid import UUID

import msgspec
import structlog

from realtime.answers import encode
from realtime.rooms import Rooms
from realtime.threads import Threads
from services import chat_signs, events
from services.chat_signs import Reaction
from services.errors import ServiceError
from services.events import Reacted

log = structlog.get_logger(__name__)

GATHER_S = 0.1
TELL_S = 0.5

Sums = defaultdict[UUID, Counter[str]]


class Reactions:
    """What people here did and was not told on, and what rooms here have not been told."""

    def __init__(self, threads: Threads, rooms: Rooms) -> None:
        self._threads, self._rooms = threads, rooms
        self._given: Sums = defaultdict(Counter)
        self._heard: Sums = defaultdict(Counter)

    def add(self, room_id: UUID, kind: Reaction) -> None:
        """Somebody here reacted."""
        self._given[room_id][kind.value] += 1

    def hear(self, room_id: UUID, event: bytes) -> None:
        """Take the sum of one process, which came over the room's topic."""
        known = {kind.value for kind in Reaction}
        counts = msgspec.json.decode(event, type=Reacted).counts
        self._heard[room_id].update({kind: count for kind, count in counts.items() if kind in known})

    async def run(self) -> None:
        """Pass on what was gathered, and tell the rooms, until cancelled."""
        ticks = 0
        while True:
            await asyncio.sleep(GATHER_S)
            ticks += 1
            await self._pass_on()
            if ticks % round(TELL_S / GATHER_S) == 0:
                self._tell()

    async def _pass_on(self) -> None:
        if not self._given:
            return
        given, self._given = self._given, defaultdict(Counter)
        try:
            await self._threads.ask_redis(chat_signs.tell_reactions, given)
        except ServiceError as error:
            log.warning("reactions_not_told", error=error.message)

    def _tell(self) -> None:
        heard, self._heard = self._heard, defaultdict(Counter)
        for room_id, counts in heard.items():
            self._rooms.tell(room_id, encode(events.Reactions(counts=dict(counts))))
