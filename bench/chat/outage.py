"""`python -m bench.chat.outage [options]`: the database away under load, and what became of what was said.

People speak through real sockets, each thing as often as it takes, with the same `clientMessageId`. Then
PostgreSQL is stopped or frozen for a while, and at the end every acknowledgement is looked up.
"""

import argparse
import asyncio
import contextlib
import os
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
import psutil
from websockets.asyncio.client import ClientConnection, connect

import bootstrap
import embedded
import settings as configuration
from bench.chat.stage import Audience, audience, processes
from db.connection import connection, query
from db.migrate import migrate
from embedded import Servers

PEOPLE = 100
PAUSE_S = 0.6  # nobody may send more than twenty messages in ten seconds
BEFORE_S = 5
AFTER_S = 20
UNHURRIED = (sys.executable, "-m", "bench.chat.unhurried")


class Answered(msgspec.Struct, frozen=True):
    """One answer: when it came, after how long, and the refusal's code where it was one."""

    at: float
    waited_s: float
    code: str | None


class Diary:
    """All answers of a run, and the ids of what was acknowledged, by words."""

    def __init__(self) -> None:
        self.answers: list[Answered] = []
        self.acknowledged: dict[str, str] = {}


def main(arguments: list[str]) -> None:
    """Print what became of each absence."""
    options = _options(arguments)
    for how in options.how:
        with _servers() as servers:
            made = audience(1, PEOPLE)
            with processes(1, servers.environment, UNHURRIED) as (ports, _):
                diary = Diary()
                gone_at, back_at = asyncio.run(_story(servers, ports[0], made, diary, how, options.seconds))
            _tell(how, diary, gone_at, back_at)


async def _story(
    servers: Servers, port: int, made: Audience, diary: Diary, how: str, seconds: float
) -> tuple[float, float]:
    is_over = asyncio.Event()
    people = [
        asyncio.create_task(_speak(port, made.rooms[0], number, token, diary, is_over))
        for number, token in enumerate(made.tokens)
    ]
    await asyncio.sleep(BEFORE_S)
    gone_at = perf_counter()
    come_back = _take_away(servers, how)
    await asyncio.sleep(seconds)
    come_back()
    back_at = perf_counter()
    await asyncio.sleep(AFTER_S)
    is_over.set()
    await asyncio.wait_for(asyncio.gather(*people), AFTER_S)
    return gone_at, back_at


def _take_away(servers: Servers, how: str) -> Callable[[], None]:
    """Stop or freeze PostgreSQL; returns what brings it back."""
    assert servers.postgres is not None
    if how == "stopped":
        servers.postgres.stop()
        return servers.postgres.start
    children = psutil.Process().children(recursive=True)
    frozen = [process for process in children if process.name().startswith("postgres")]
    for process in frozen:
        process.suspend()

    def thaw() -> None:
        for process in frozen:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()

    return thaw


async def _speak(port: int, room: str, number: int, token: str, diary: Diary, is_over: asyncio.Event) -> None:
    async with connect(f"ws://127.0.0.1:{port}/ws", compression=None, ping_interval=None) as socket:
        await _ask(socket, {"type": "join", "room": room, "token": token, "id": "join"})
        said = 0
        while not is_over.is_set():
            said += 1
            words, is_said = f"person {number} says {said}", False
            while not is_said:
                is_said = await _say(socket, words, diary)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(is_over.wait(), PAUSE_S)


async def _say(socket: ClientConnection, words: str, diary: Diary) -> bool:
    """Say something once; whether it was acknowledged."""
    began = perf_counter()
    answer = await _ask(socket, {"type": "chat", "text": words, "clientMessageId": words, "id": words})
    is_said = answer["type"] == "ack"
    diary.answers.append(Answered(perf_counter(), perf_counter() - began, None if is_said else answer["code"]))
    if is_said:
        diary.acknowledged[words] = answer["message"]["id"]
    return is_said


async def _ask(socket: ClientConnection, command: dict[str, str]) -> dict[str, Any]:
    await socket.send(msgspec.json.encode(command).decode())
    while True:
        event: dict[str, Any] = msgspec.json.decode(await socket.recv())
        if event.get("id") == command["id"] and event["type"] in ("ack", "error"):
            return event


def _tell(how: str, diary: Diary, gone_at: float, back_at: float) -> None:
    with connection():
        stored = query("SELECT text, id::text, seq FROM messages ORDER BY seq")
    times = Counter(text for text, _, _ in stored)
    lost = sum(1 for words, found in diary.acknowledged.items() if (words, found) not in {row[:2] for row in stored})
    before = [answer.waited_s for answer in diary.answers if answer.code is None and answer.at < gone_at]
    refused = Counter(answer.code for answer in diary.answers if answer.code)
    again = min(answer.at for answer in diary.answers if answer.code is None and answer.at > back_at)
    print(f"{how} for {back_at - gone_at:.1f} s, {PEOPLE} people")
    print(f"  acknowledged {len(diary.acknowledged)}, median before {statistics.median(before) * 1000:.1f} ms")
    print(f"  refused {dict(refused)}, longest wait for an answer {max(a.waited_s for a in diary.answers):.1f} s")
    print(f"  first acknowledgement {again - back_at:.2f} s after the return")
    print(f"  lost {lost}, stored twice {sum(1 for many in times.values() if many > 1)}", end="")
    print(f", holes in the numbering {stored[-1][2] - len(stored)}", flush=True)


@contextlib.contextmanager
def _servers() -> Iterator[Servers]:
    """Stores of this run's own that can be taken away, and this process opened on them."""
    kept = {name: value for name, value in os.environ.items() if name not in configuration.NAMES}
    with tempfile.TemporaryDirectory(prefix="astrotv-bench-") as folder:
        quiet = {"LOG_LEVEL": "error", "DATA_DIR": f"{folder}/data", "WS_MAX_CONNECTIONS_PER_ADDRESS": "100000"}
        with embedded.opened(Path(folder) / "data", kept | quiet) as servers:
            servers.start()
            migrate(servers.environment["DATABASE_OWNER_URL"])
            bootstrap.start("bench", configuration.load(servers.environment))
            try:
                yield servers
            finally:
                bootstrap.stop()


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.chat.outage", description="Chat without its database.")
    parser.add_argument("--seconds", type=float, default=10, help="how long the database is away")
    parser.add_argument("--how", nargs="+", choices=("stopped", "frozen"), default=["stopped", "frozen"])
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
