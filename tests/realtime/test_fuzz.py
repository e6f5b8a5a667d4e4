"""What holds while somebody sends nonsense: the others are served, nothing breaks, memory stays."""

import asyncio
import os
import sys
from random import SystemRandom
from time import monotonic

from tests.realtime.conftest import Show, Start
from tests.realtime.fuzz import Fuzzer, Loiterers
from tests.realtime.running import Crowd, play

SECONDS = float(os.environ.get("FUZZ_SECONDS", "5"))
SEED = int(os.environ.get("FUZZ_SEED", SystemRandom().randrange(10**9)))
LOITERERS = int(os.environ.get("FUZZ_LOITERERS", "400"))
LEAST_FRAMES = 100
MEMORY_BYTES = 300 * 1024 * 1024


def test_nonsense_disturbs_nobody(start: Start, show: Show) -> None:
    process = start(WS_MAX_CONNECTIONS_PER_ADDRESS="5000")
    fuzzer = Fuzzer(process.port, SEED)

    async def scene(crowd: Crowd) -> float:
        ana = await crowd.person(process)
        await ana.ask("join", room=show.room, token=show.ana)
        longest_s = 0.0
        tormenting = asyncio.create_task(asyncio.to_thread(fuzzer.run, SECONDS, LEAST_FRAMES))
        while not tormenting.done():
            await asyncio.wait([tormenting], timeout=1)
            asked_at = monotonic()
            assert (await ana.ask("chat", text="still here"))["type"] == "ack"
            longest_s = max(longest_s, monotonic() - asked_at)
        await tormenting
        return longest_s

    before = process.memory()
    with Loiterers(process.port, LOITERERS) as loiterers:
        longest_s = play(scene)
    sys.stdout.write(
        f"seed {SEED}: {fuzzer.frames} frames on {fuzzer.sockets} sockets, {loiterers.came} handshakes without end, "
        f"{before >> 20} MiB before, {process.memory() >> 20} MiB after, longest answer {longest_s:.3f} s\n"
    )
    assert fuzzer.frames >= LEAST_FRAMES
    assert process.memory() < MEMORY_BYTES
    process.terminate()
    assert process.wait() == 0
    assert "Traceback" not in process.stderr(), f"FUZZ_SEED={SEED}"
