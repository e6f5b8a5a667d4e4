"""`python -m bench.chat.persist [options]`: how many messages a second come into PostgreSQL, and how soon acknowledged.

The real writer with all the rules, without sockets: what is measured is from a draft to the answer
after its commit. Half of the processors should be free, or the figures are those of the others' work.
"""

import argparse
import asyncio
import gc
import statistics
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from time import perf_counter, process_time

import msgspec
import uvloop

from bench.chat.stage import Audience, audience, stores
from bench.figures import Figure
from db.connection import connection
from realtime.__main__ import COLLECT_AFTER
from realtime.metrics import Metrics
from realtime.prospects import AT_ONCE
from realtime.writer import Writer
from services import chat
from services.actors import Actor, Role
from services.chat import Draft, Sent
from services.rooms import RoomRef
from services.standing import FreshStandings, RememberedStandings

STEP_S = 0.005
PEOPLE = 20_000


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What to do: `rate` messages a second for `seconds`, or (0) with so many under way as `window`."""

    rate: int
    rooms: int
    seconds: float
    window: int


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it; acknowledgements in milliseconds."""

    messages_per_s: float
    acknowledged_p50_ms: float
    acknowledged_p99_ms: float
    refused: int
    cpu_us_a_message: float


def figures() -> Iterator[Figure]:
    """As many as go, and the acknowledgement at five thousand a second."""
    most, steady = _runs([Run(rate=rate, rooms=50, seconds=8, window=2000) for rate in (0, 5000)])
    yield Figure("chat: messages stored, as many as go", most.messages_per_s, "/s")
    yield Figure("chat at 5000/s: acknowledged, median", steady.acknowledged_p50_ms, "ms")
    yield Figure("chat at 5000/s: acknowledged, 99 %", steady.acknowledged_p99_ms, "ms", 50)


def main(arguments: list[str]) -> None:
    """Print a table of the runs that the arguments describe."""
    options = _options(arguments)
    runs = [
        Run(rate=rate, rooms=rooms, seconds=options.seconds, window=options.window)
        for rooms in options.rooms
        for rate in options.rates
    ]
    print(f"{'rooms':>6}{'rate':>7}{'stored/s':>10}{'ack p50':>9}{'ack p99':>9}{'refused':>9}{'cpu us/msg':>12}")
    for run, kept in zip(runs, _runs(runs), strict=True):
        print(f"{run.rooms:>6}{run.rate or 'max':>7}{kept.messages_per_s:>10.0f}", end="")
        print(f"{kept.acknowledged_p50_ms:>9.2f}{kept.acknowledged_p99_ms:>9.2f}{kept.refused:>9}", end="")
        print(f"{kept.cpu_us_a_message:>12.1f}", flush=True)


def _runs(runs: list[Run]) -> Iterator[Kept]:
    with tempfile.TemporaryDirectory(prefix="astrotv-bench-") as folder, stores(Path(folder)):
        for run in runs:
            made = audience(run.rooms, PEOPLE, signed_in=False)
            yield uvloop.run(_written(run, made))


async def _written(run: Run, made: Audience) -> Kept:
    standings = RememberedStandings(FreshStandings())
    await asyncio.to_thread(_read_ahead, standings, made)
    memory = chat.remembering(standings)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)  # as in the server
    store, announce = partial(chat.store_messages, memory=memory), partial(chat.announce, memory=memory)
    writer = Writer(store, announce, lambda _: None, Metrics())
    await asyncio.gather(*(_send(writer, made, number, []) for number in range(100)))
    taken: list[float] = []
    began, cpu_before = perf_counter(), process_time()
    await (_at_rate(run, writer, made, taken) if run.rate else _as_many_as_go(run, writer, made, taken))
    await writer.close()
    seconds, cpu_s = perf_counter() - began, process_time() - cpu_before
    stored = sorted(delay for delay in taken if delay >= 0)
    return Kept(
        messages_per_s=len(stored) / seconds,
        acknowledged_p50_ms=statistics.median(stored) * 1000,
        acknowledged_p99_ms=stored[int(len(stored) * 0.99)] * 1000,
        refused=len(taken) - len(stored),
        cpu_us_a_message=cpu_s / len(stored) * 1e6,
    )


def _read_ahead(standings: RememberedStandings, made: Audience) -> None:
    """What the server does when somebody joins a room."""
    pairs = [(made.room_ids[number % len(made.rooms)], person) for number, person in enumerate(made.people)]
    with connection():
        for first in range(0, len(pairs), AT_ONCE):
            standings.of(pairs[first : first + AT_ONCE])


async def _as_many_as_go(run: Run, writer: Writer, made: Audience, taken: list[float]) -> None:
    numbers, until = count(100), perf_counter() + run.seconds

    async def speak() -> None:
        while perf_counter() < until:
            await _send(writer, made, next(numbers), taken)

    await asyncio.gather(*(speak() for _ in range(run.window)))


async def _at_rate(run: Run, writer: Writer, made: Audience, taken: list[float]) -> None:
    loop, began, sent = asyncio.get_running_loop(), perf_counter(), 0
    tasks: set[asyncio.Task[None]] = set()
    while (elapsed_s := perf_counter() - began) < run.seconds:
        while sent < elapsed_s * run.rate:
            task = loop.create_task(_send(writer, made, 100 + sent, taken))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            sent += 1
        await asyncio.sleep(STEP_S)
    await asyncio.gather(*tasks)


async def _send(writer: Writer, made: Audience, number: int, taken: list[float]) -> None:
    place = number % len(made.rooms)
    person = made.people[number % len(made.people)]
    draft = Draft(
        room=RoomRef(made.room_ids[place], made.rooms[place]),
        actor=Actor(person, Role.VIEWER),
        text=f"message {number}, as long as people write",
        client_message_id=str(number),
    )
    began = perf_counter()
    outcome = await writer.send(draft)
    taken.append(perf_counter() - began if isinstance(outcome, Sent) else -1.0)


def _whole_numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.chat.persist", description="Chat into PostgreSQL.")
    parser.add_argument("--rooms", type=_whole_numbers, default=[1, 50], help="numbers of rooms, comma-separated")
    parser.add_argument("--rates", type=_whole_numbers, default=[1000, 5000, 0], help="a second; 0 is as many as go")
    parser.add_argument("--window", type=int, default=2000, help="messages under way where the rate is 0")
    parser.add_argument("--seconds", type=float, default=8)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
