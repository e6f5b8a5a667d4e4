"""Real servers, real realtime processes, and the load on them; options with `python -m bench.chat`."""

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import msgspec
import psutil

import bootstrap
import embedded
import settings as configuration
from bench.chat.load import Load, Plan, Result
from bench.figures import Figure
from db.connection import connection, query
from db.migrate import migrate
from services import channels, clock, sessions
from services.ids import new_id
from services.sessions import Device

ROOT = Path(__file__).parents[2]
PEOPLE = """INSERT INTO users (id, email, username, name, password_hash, role)
            SELECT u.id, u.username || '@example.com', u.username, u.username, 'x', u.role
            FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS u (id, username, role)"""
STREAM = "INSERT INTO streams (id, channel_id, title, status, started_at) VALUES (%s, %s, 'Bench', 'LIVE', %s)"


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
    with tempfile.TemporaryDirectory(prefix="astrotv-bench-") as folder, _stores(Path(folder)) as environment:
        room, tokens = _audience(options.people)
        with _processes(options.processes, environment) as (ports, pids):
            plan = Plan(
                ports=ports,
                room=room,
                tokens=tokens,
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


@contextlib.contextmanager
def _stores(folder: Path) -> Iterator[dict[str, str]]:
    """PostgreSQL and Redis of this run's own, and this process opened on them."""
    quiet = {"LOG_LEVEL": "error", "DATA_DIR": str(folder / "data"), "WS_MAX_CONNECTIONS_PER_ADDRESS": "100000"}
    kept = {name: value for name, value in os.environ.items() if name not in configuration.NAMES}
    with embedded.servers(folder / "data", kept | quiet) as environment:
        migrate(environment["DATABASE_URL"])
        bootstrap.start("bench", configuration.load(environment))
        yield dict(environment)
        bootstrap.stop()


def _audience(people: int) -> tuple[str, list[str]]:
    """A live stream, and the tokens of people who may write in its chat."""
    ids = [new_id() for _ in range(people + 1)]
    roles = ["streamer"] + ["viewer"] * people
    stream_id = new_id()
    with connection():
        query(PEOPLE, (ids, [f"person_{number}" for number in range(people + 1)], roles))
        channel_id: UUID = channels.create_channel(ids[0])
        query(STREAM, (stream_id, channel_id, clock.now()))
        tokens = [sessions.open_session(user_id, Device()).access_token for user_id in ids[1:]]
    return f"stream:{stream_id}", tokens


@contextlib.contextmanager
def _processes(count: int, environment: dict[str, str]) -> Iterator[tuple[list[int], list[int]]]:
    ports = [_free_port() for _ in range(count)]
    running = [
        subprocess.Popen([sys.executable, "-m", "realtime"], cwd=ROOT, env=environment | {"REALTIME_PORT": str(port)})
        for port in ports
    ]
    try:
        for port in ports:
            _wait_until_ready(port)
        yield ports, [process.pid for process in running]
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
        for process in running:
            process.wait(15)


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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1):
            return
        time.sleep(0.05)
    raise TimeoutError("the realtime process does not answer")


def _table_row(rate: int, seen: Result, cpu: float) -> None:
    print(f"{rate or 'max':>6} {seen.messages_per_s:8.1f} {seen.deliveries_per_s:9.0f}", end="")
    print(f" {seen.heard_p50_ms:8.2f} {seen.heard_p99_ms:8.2f} {seen.last_p50_ms:9.2f} {seen.last_p99_ms:9.2f}", end="")
    print(f" {seen.messages_per_read:8.1f} {cpu:5.2f} {seen.lost:5}", flush=True)
