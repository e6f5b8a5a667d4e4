"""Schedules drawn by chance, others every time: nothing lost, nothing doubled, one order, whoever joins when and where.

A schedule that fails is played again with `SCHEDULE_SEED=<its seed>`; `SCHEDULES=<how many>` plays more.
"""

import asyncio
import os
import sys
from random import Random, SystemRandom

from services.messages import Message
from tests.realtime.world import Database, Redis, Server, Viewer, played

FIRST_SEED = int(os.environ.get("SCHEDULE_SEED", SystemRandom().randrange(10**9)))
COUNT = 1 if "SCHEDULE_SEED" in os.environ else int(os.environ.get("SCHEDULES", "60"))
SETTLED_S = 30  # by then every audit has run


class Schedule:
    """One evening: who says, comes, goes and breaks when, all from one seed."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.database, self.redis = Database(self.chance), Redis(self.chance)
        self.servers = [Server(self.database, self.redis, self.chance) for _ in range(2)]
        self.viewers = [Viewer() for _ in range(self.chance.randint(1, 8))]

    async def play(self) -> None:
        audits = [asyncio.create_task(server.rooms.audit_forever()) for server in self.servers]
        scenes = [self._visits(viewer) for viewer in self.viewers] + [self._talk() for _ in range(2)]
        if self.chance.random() < 0.6:
            scenes.append(self._trouble())
        await asyncio.gather(*scenes)
        await asyncio.sleep(SETTLED_S)
        for audit in audits:
            audit.cancel()
        await asyncio.gather(*audits, return_exceptions=True)

    async def _talk(self) -> None:
        """Commits come in the order of their numbers; publishes of several processes overtake one another."""
        tasks = []
        for _ in range(self.chance.randint(0, 60)):
            await asyncio.sleep(self.chance.choice((0, 0, 0.002, 0.1, 2)))
            batch = [self.database.commit() for _ in range(self.chance.choice((1, 1, 1, 1, 5, 5, 5, 40, 300)))]
            tasks.append(asyncio.create_task(self._publish(batch)))
        await asyncio.gather(*tasks)

    async def _publish(self, batch: list[Message]) -> None:
        await asyncio.sleep(self.chance.choice((0, 0, 0.001, 0.2)))
        if self.chance.random() < 0.6:  # else it came over HTTP
            self.chance.choice(self.servers).store(batch)
        if self.chance.random() < 0.03:
            return  # the process was killed between commit and publish
        self.redis.publish(batch)

    async def _visits(self, viewer: Viewer) -> None:
        for visit in range(self.chance.randint(1, 4)):
            if visit:
                viewer.go()
            await asyncio.sleep(self.chance.choice((0, 0.01, 1, 5)))
            joining = asyncio.create_task(viewer.come(self.chance.choice(self.servers)))
            await joining
            await asyncio.sleep(self.chance.choice((0, 0.05, 1, 10)))

    async def _trouble(self) -> None:
        for _ in range(self.chance.randint(1, 3)):
            await asyncio.sleep(self.chance.uniform(0, 5))
            self.redis.restart()
            await asyncio.sleep(self.chance.choice((0.01, 0.5, 4)))
            await self.redis.come_back()


def test_whoever_joins_whenever_hears_everything_once_and_in_order() -> None:
    sys.stdout.write(f"first seed {FIRST_SEED}, {COUNT} schedules\n")
    for seed in range(FIRST_SEED, FIRST_SEED + COUNT):
        schedule = Schedule(seed)
        played(schedule.play())
        for viewer in schedule.viewers:
            assert viewer.faults == [], f"SCHEDULE_SEED={seed}"
            assert viewer.seen[-1] == len(schedule.database.kept), f"SCHEDULE_SEED={seed}"
