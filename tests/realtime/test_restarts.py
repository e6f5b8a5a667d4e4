"""Chance on real processes: people come, go and talk on two of them while Redis restarts, with its data or without.

A seed that fails is played again with `SCHEDULE_SEED=<seed>`.
"""

import asyncio
import os
from pathlib import Path
from random import Random, SystemRandom

import pytest

from services.bus import bus
from tests.realtime.conftest import Show, Start
from tests.realtime.running import Crowd, Process, play
from tests.realtime.tap import Tap, open_tap

SEED = int(os.environ.get("SCHEDULE_SEED", SystemRandom().randrange(10**9)))
SAID_BY_EACH = 18  # an account may say 20 in 10 s


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

    async def trouble(self, tap: Tap, *, loses_data: bool) -> None:
        await asyncio.sleep(self.chance.uniform(0, 0.5))
        await asyncio.to_thread(tap.shut)
        if loses_data:
            await asyncio.to_thread(bus.redis.flushdb)
        await asyncio.sleep(self.chance.uniform(0, 1))
        await asyncio.to_thread(tap.open)


@pytest.mark.parametrize("number", range(3))
def test_a_restart_of_redis_loses_nothing_and_doubles_nothing(
    start: Start, show: Show, tmp_path: Path, number: int
) -> None:
    with open_tap(start.settings.redis_url, tmp_path) as tap:
        evening = Evening(SEED + number, [start(REDIS_URL=tap.url), start(REDIS_URL=tap.url)], show)

        async def scene(crowd: Crowd) -> list[list[int]]:
            listening = [asyncio.create_task(evening.listen(crowd)) for _ in range(6)]
            await asyncio.gather(
                evening.talk(crowd, show.ana),
                evening.talk(crowd, show.ben),
                evening.trouble(tap, loses_data=number % 2 == 1),
            )
            return await asyncio.gather(*listening)

        for seen in play(scene):
            assert seen == list(range(2 * SAID_BY_EACH + 1)), f"SCHEDULE_SEED={SEED + number}"
