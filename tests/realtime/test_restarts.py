"""Chance on real processes: people come, go and talk on two of them while Redis restarts, with its data or without.

Ten rooms share each restart. A round that fails is played again with `SCHEDULE_SEED=<its seed>`; `RESTARTS=<how many>`
plays more rounds.
"""

import asyncio
import os
from functools import partial
from pathlib import Path
from random import Random, SystemRandom
from typing import Protocol

import pytest

from tests.folders import open_folder
from tests.realtime.conftest import Show, Start, make_show
from tests.realtime.own_redis import open_redis
from tests.realtime.running import Crowd, Process, play
from tests.realtime.tap import open_tap

SEED = int(os.environ.get("SCHEDULE_SEED", SystemRandom().randrange(10**9)))
COUNT = 1 if "SCHEDULE_SEED" in os.environ else int(os.environ.get("RESTARTS", "1"))
ROOMS = 10
SAID_BY_EACH = 18  # an account may say 20 in 10 s


class Breakable(Protocol):
    """What stands between the processes and what they publish."""

    url: str

    def shut(self) -> None: ...

    def open(self) -> None: ...


class Evening:
    """What one seed makes of it."""

    def __init__(self, seed: int, processes: list[Process], show: Show) -> None:
        self.chance, self.processes, self.show = Random(seed), processes, show

    async def talk(self, crowd: Crowd, token: str) -> None:
        person = await crowd.person(self.chance.choice(self.processes))
        await person.ask("join", room=self.show.room, token=token)
        for number in range(SAID_BY_EACH):
            answer = await person.ask("chat", text=f"words {number}")
            assert answer["type"] == "ack", answer
            await asyncio.sleep(self.chance.choice((0, 0, 0.01, 0.1)))

    async def listen(self, crowd: Crowd) -> list[int]:
        """Come and go, each time with the last message seen; stay, in the end, until the last is heard."""
        seen = [0]
        for _ in range(self.chance.randint(0, 3)):
            await asyncio.sleep(self.chance.choice((0, 0.05, 0.3)))
            await self._visit(crowd, seen, self.chance.randint(0, 5))
        await self._visit(crowd, seen, 2 * SAID_BY_EACH)
        return seen

    async def _visit(self, crowd: Crowd, seen: list[int], until_more: int) -> None:
        person = await crowd.person(self.chance.choice(self.processes))
        joined = await person.ask("join", room=self.show.room, since=seen[-1])
        assert joined["recovered"], joined
        wanted = min(seen[-1] + until_more, 2 * SAID_BY_EACH)
        seen += [message["seq"] for message in joined["messages"] + person.messages()]
        while seen[-1] < wanted:
            seen.append((await person.hear_type("new_message"))["seq"])
        await person.socket.close()

    async def play(self, crowd: Crowd) -> list[list[int]]:
        """What each listener has seen in the end."""
        listening = [asyncio.create_task(self.listen(crowd)) for _ in range(4)]
        await asyncio.gather(self.talk(crowd, self.show.ana), self.talk(crowd, self.show.ben))
        return await asyncio.gather(*listening)


async def trouble(redis: Breakable, chance: Random) -> None:
    """Redis goes, and comes back after a while."""
    await asyncio.sleep(chance.uniform(0, 1))
    await asyncio.to_thread(redis.shut)
    await asyncio.sleep(chance.uniform(0, 1))
    await asyncio.to_thread(redis.open)


async def together(evenings: list[Evening], redis: Breakable, chance: Random, crowd: Crowd) -> list[list[int]]:
    """Play evenings at the same time; what all their listeners have seen."""
    playing = [asyncio.create_task(evening.play(crowd)) for evening in evenings]
    await trouble(redis, chance)
    return [seen for evening in await asyncio.gather(*playing) for seen in evening]


def play_rounds(start: Start, redis: Breakable) -> None:
    """One round after the other with the same two processes, each evening in a room of its own."""
    processes = [start(REDIS_URL=redis.url), start(REDIS_URL=redis.url)]
    for first in range(SEED, SEED + COUNT * ROOMS, ROOMS):
        evenings = [Evening(seed, processes, make_show()) for seed in range(first, first + ROOMS)]
        for seen in play(partial(together, evenings, redis, Random(first))):
            assert seen == list(range(2 * SAID_BY_EACH + 1)), f"SCHEDULE_SEED={first}"


def test_a_cut_line_to_redis_loses_nothing_and_doubles_nothing(start: Start, tmp_path: Path) -> None:
    with open_tap(start.settings.redis_url, tmp_path) as tap:
        play_rounds(start, tap)


@pytest.mark.parametrize("keeps_data", [True, False])
def test_a_restart_of_redis_loses_nothing_and_doubles_nothing(start: Start, keeps_data: bool) -> None:
    with open_folder("redis-") as folder, open_redis(folder, keeps_data=keeps_data) as redis:
        play_rounds(start, redis)
