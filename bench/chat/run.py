"""Chat as its viewers hear it: real servers, real realtime processes; options with `python -m bench.chat`."""

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil

from bench.chat.load import Load, Plan, Result
from bench.chat.stage import audience, processes, stores
from bench.figures import Figure


def figures() -> Iterator[Figure]:
    """What a thousand viewers of one room hear: at a modest rate, and as much as goes."""
    for rate, seen, _ in _runs(_options([])):
        if rate:
            yield Figure(f"chat at {rate}/s: sent to heard, median", seen.heard_p50_ms, "ms")
            yield Figure(f"chat at {rate}/s: sent to heard, 99 %", seen.heard_p99_ms, "ms", 50)
        else:
            yield Figure("chat: deliveries, as many as go", seen.deliveries_per_s, "/s")


def main(arguments: list[str]) -> None:
    """Print a table of the runs that the arguments describe."""
    options = _options(arguments)
    print(f"chat: {options.viewers} viewers of one room, {options.processes} realtime process(es)")
    print(f"{'rate':>6} {'msg/s':>8} {'heard/s':>9} {'p50 ms':>8} {'p99 ms':>8}", end="")
    print(f" {'last p50':>9} {'last p99':>9} {'msg/read':>8} {'cpu':>5} {'lost':>5}", flush=True)
    for run in _runs(options):
        _table_row(*run)


def _runs(options: argparse.Namespace) -> Iterator[tuple[int, Result, float]]:
    """Each rate, what was seen at it, and the share of one core that the realtime processes used."""
    with tempfile.TemporaryDirectory(prefix="astrotv-bench-") as folder, stores(Path(folder)) as environment:
        made = audience(1, options.people)
        with processes(options.processes, environment) as (ports, pids):
            plan = Plan(
                ports=ports,
                room=made.rooms[0],
                tokens=made.tokens,
                viewers=options.viewers,
                window=options.window,
                seconds=options.seconds,
            )
            for rate in options.rates:
                yield rate, *_measured(msgspec.structs.replace(plan, rate=rate), pids)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.chat", description="Chat: sent to heard.")
    parser.add_argument("--viewers", type=int, default=1000, help="sockets in the one room")
    parser.add_argument("--people", type=int, default=1000, help="accounts that write; each may send 2 a second")
    parser.add_argument("--processes", type=int, default=1, help="realtime processes")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--window", type=int, default=64, help="messages under way where the rate is 0")
    parser.add_argument(
        "--rates", type=lambda text: [int(rate) for rate in text.split(",")], default=[10, 100, 0],
        help="messages a second, comma-separated; 0 is as many as go",
    )  # fmt: skip
    return parser.parse_args(arguments)


def _measured(plan: Plan, pids: list[int]) -> tuple[Result, float]:
    """The result, and the share of one core that the realtime processes used."""
    load = Load(plan)
    load.connect()
    before, began = _cpu_s(pids), time.perf_counter()
    try:
        result = load.run()
    finally:
        load.close()
    return result, (_cpu_s(pids) - before) / (time.perf_counter() - began)


def _cpu_s(pids: list[int]) -> float:
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return sum(spent.user + spent.system for spent in times)


def _table_row(rate: int, seen: Result, cpu: float) -> None:
    print(f"{rate or 'max':>6} {seen.messages_per_s:8.1f} {seen.deliveries_per_s:9.0f}", end="")
    print(f" {seen.heard_p50_ms:8.2f} {seen.heard_p99_ms:8.2f} {seen.last_p50_ms:9.2f} {seen.last_p99_ms:9.2f}", end="")
    print(f" {seen.messages_per_read:8.1f} {cpu:5.2f} {seen.lost:5}", flush=True)
