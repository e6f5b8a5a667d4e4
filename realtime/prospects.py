"""People who joined a room and may speak there soon: who they are is read before, for many at once.

So a first message finds its rules answered, and thousands who come back together cost a few questions.
"""

import asyncio
from itertools import islice
from uuid import UUID

import structlog

from realtime.threads import Threads
from services.errors import ServiceError
from services.standing import Pair, RememberedStandings

log = structlog.get_logger(__name__)

GATHER_S = 0.05
AT_ONCE = 500


class Prospects:
    """What is not read in time, or not at all, is read when somebody speaks."""

    def __init__(self, threads: Threads, standings: RememberedStandings) -> None:
        self._threads, self._standings = threads, standings
        self._expected: dict[Pair, None] = {}
        self._task: asyncio.Task[None] | None = None

    def expect(self, room_id: UUID, user_id: UUID) -> None:
        """Somebody is in a room, and may say something."""
        self._expected[room_id, user_id] = None
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        try:
            while self._expected:
                await asyncio.sleep(GATHER_S)
                pairs = list(islice(self._expected, AT_ONCE))
                for pair in pairs:
                    del self._expected[pair]
                await self._threads.query(self._standings.of, pairs)
        except ServiceError as error:
            log.warning("standings_not_read_ahead", error=error.message)
            self._expected.clear()
        finally:
            self._task = None
