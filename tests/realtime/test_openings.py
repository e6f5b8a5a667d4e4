"""Those who join at the same time share one reading of the history, and none that is too old for them."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from realtime.openings import Openings
from services.errors import NotFound
from services.ids import new_id
from services.messages import Opening
from services.rooms import ChatSettings, RoomRef

ROOM = RoomRef(new_id(), "stream:1")


class Database:
    """Threads whose readings end when the test says so."""

    def __init__(self) -> None:
        self.committed = 0
        self.readings: list[asyncio.Event] = []
        self.begun = asyncio.Event()

    async def query(self, _service: Callable[..., Opening], ref: RoomRef, since: object) -> Opening:
        seen = self.committed
        self.readings.append(asyncio.Event())
        self.begun.set()
        await self.readings[-1].wait()
        if ref != ROOM:
            raise NotFound("No such room.")
        settings = ChatSettings()
        return Opening(last_seq=seen, settings=settings, pinned=[], messages=[], recovered=False, truncated=False)


def test_whoever_comes_while_a_reading_runs_gets_one_that_begins_later() -> None:
    async def run() -> tuple[list[int], int]:
        database: Any = Database()
        openings = Openings(database)
        early = [asyncio.create_task(openings.of(ROOM, None)) for _ in range(3)]
        await database.begun.wait()
        database.committed = 7
        database.begun.clear()
        late = [asyncio.create_task(openings.of(ROOM, None)) for _ in range(3)]
        await asyncio.sleep(0)
        database.readings[0].set()
        await database.begun.wait()
        database.readings[1].set()
        shown = await asyncio.gather(*early, *late)
        return [one.last_seq for one in shown], len(database.readings)

    assert asyncio.run(run()) == ([0, 0, 0, 7, 7, 7], 2)


def test_a_failure_is_everyones_and_the_next_reading_is_a_new_one() -> None:
    async def run() -> None:
        database: Any = Database()
        openings = Openings(database)
        for number in range(2):
            unknown = asyncio.create_task(openings.of(RoomRef(ROOM.id, "stream:2"), None))
            database.begun.clear()
            await database.begun.wait()
            database.readings[number].set()
            with pytest.raises(NotFound):
                await unknown

    asyncio.run(run())
