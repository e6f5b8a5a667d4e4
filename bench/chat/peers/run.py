"""`python -m bench.chat.peers.run [options]`: AstroTV beside Node's `ws` and Socket.IO, in turns.

Each server runs on the first core; Redis, PostgreSQL and the crowd on the second. AstroTV has its database
and its rules, the peers have neither: they publish to Redis what they hear. Only ratios within one
run mean anything, as other programs may use the machine. Needs gcc, Node and npm.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from bench.chat.stage import ROOT, Audience, audience, stores
from bench.figures import Figure
from bench.ports import free_port, wait_until_listening

HERE = Path(__file__).parent
PACKAGES = ("ws@8", "ioredis@5", "socket.io@4", "@socket.io/redis-adapter@8")
FIRST_CORE, SECOND_CORE, BOTH_CORES = {0}, {1}, {0, 1}
PEERS = ("astrotv", "ws", "ws-coalescing", "socketio")

Environment = Mapping[str, str]


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What the crowd saw of one server; times in milliseconds."""

    deliveries_per_s: float
    messages_per_s: float
    last_p50_ms: float
    last_p99_ms: float
    each_p50_ms: float
    each_p99_ms: float
    cpu_share: float
    cpu_s_per_million: float
    deliveries_per_read: float
    kb_per_connection: float
    opened_per_s: float
    opening_cpu_us: float
    lost: int
    refused: int


class Contender(msgspec.Struct, frozen=True):
    """A server: how it is started on a port, and how the crowd speaks to it."""

    name: str
    dialect: str
    command: Sequence[str]


CONTENDERS = {
    "astrotv": Contender("astrotv", "astrotv", [sys.executable, "-m", "bench.chat.unhurried"]),
    "ws": Contender("ws", "query", ["node", str(HERE / "ws.js"), "PORT", "REDIS", "plain"]),
    "ws-coalescing": Contender("ws-coalescing", "query", ["node", str(HERE / "ws.js"), "PORT", "REDIS", "coalescing"]),
    "ws-coalescing-whole": Contender(
        "ws-coalescing-whole", "query", ["node", str(HERE / "ws.js"), "PORT", "REDIS", "coalescing", "whole"]
    ),
    "socketio": Contender("socketio", "socketio", ["node", str(HERE / "socketio.js"), "PORT", "REDIS"]),
}


def figures() -> Iterator[Figure]:
    """A thousand viewers of one room, as many messages as go: how often AstroTV delivers what Node does."""
    options = _options([])
    seen = {name: results for _, _, name, results in _measured(options)}
    for name in ("ws", "ws-coalescing", "socketio"):
        ratio = statistics.median(_ratios(seen["astrotv"], seen[name]))
        yield Figure(f"deliveries, as many as go, AstroTV / {name}", ratio, "x")


def main(arguments: list[str]) -> None:
    """Print a table for each number of rooms and rate; medians over the rounds."""
    options = _options(arguments)
    heading: tuple[int, int] | None = None
    first: list[Seen] = []
    for rooms, rate, name, results in _measured(options):
        if heading != (rooms, rate):
            heading, first = (rooms, rate), results
            print(f"\n{options.viewers} viewers, {rooms} room(s), {f'{rate} messages/s' if rate else 'saturated'}")
            print(f"{'server':<20}{'heard/s':>10}{'first/':>7}{'last p50':>10}{'last p99':>10}", end="")
            print(f"{'each p99':>10}{'cpu':>6}{'cpu s/M':>9}{'KB/conn':>9}{'opened/s':>10}{'lost':>7}")
        print(_row(name, results, statistics.median(_ratios(first, results))), flush=True)


def _measured(options: argparse.Namespace) -> Iterator[tuple[int, int, str, list[Seen]]]:
    """Rooms, rate, server, and what was seen of it in each round; the servers take turns."""
    with tempfile.TemporaryDirectory(prefix="astrotv-bench-") as text:
        os.sched_setaffinity(0, SECOND_CORE if options.processes == 1 else BOTH_CORES)
        folder = Path(text)
        crowd, modules = _crowd(folder), _node_modules(folder)
        with stores(folder) as environment:
            made = audience(max(options.rooms), options.viewers)
            for rooms in options.rooms:
                names = _names(folder / f"names-{rooms}", rooms, made)
                for rate in options.rates:
                    plan = [str(rate), str(options.window), str(options.warm_up), str(options.seconds), str(names)]
                    run = [str(options.viewers), str(rooms), *plan]
                    yield from _turns(options, {**environment, "NODE_PATH": modules}, crowd, run, (rooms, rate))


def _turns(
    options: argparse.Namespace, environment: Environment, crowd: str, plan: Sequence[str], heading: tuple[int, int]
) -> Iterator[tuple[int, int, str, list[Seen]]]:
    names = options.servers.split(",")
    seen: dict[str, list[Seen]] = {name: [] for name in names}
    for _ in range(options.rounds):
        for name in names:
            contender = CONTENDERS[name]
            with _serving(contender, environment, options.processes) as (port, pid):
                command = [crowd, str(port), contender.dialect, *plan, str(pid)]
                found = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=300 + options.seconds)
            seen[name].append(msgspec.json.decode(found.stdout, type=Seen))
    for name in names:
        yield *heading, name, seen[name]


@contextlib.contextmanager
def _serving(contender: Contender, environment: Environment, processes: int) -> Iterator[tuple[int, int]]:
    """The server on the first core, until it has heard that it is to end; gives its port and process id.

    Several processes have both cores; what is told of CPU and memory is then that of their parent.
    """
    port = free_port()
    redis = unquote(urlsplit(environment["REDIS_URL"]).path)
    words = [{"PORT": str(port), "REDIS": redis}.get(word, word) for word in contender.command]
    server = subprocess.Popen(
        words,
        cwd=ROOT,
        env={
            **environment,
            "REALTIME_PORT": str(port),
            "REALTIME_PROCESSES": str(processes),
            "NODE_ENV": "production",
        },
        preexec_fn=lambda: os.sched_setaffinity(0, FIRST_CORE if processes == 1 else BOTH_CORES),
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until_listening(port)
        yield port, server.pid
    finally:
        server.terminate()
        server.wait(20)


def _crowd(folder: Path) -> str:
    """The load generator, compiled."""
    program = str(folder / "crowd")
    subprocess.run(["gcc", "-O2", "-o", program, str(HERE / "crowd.c")], check=True)
    return program


def _node_modules(folder: Path) -> str:
    """Where the peers' packages are: NODE_PATH where it is set, or else installed for this run."""
    if known := os.environ.get("NODE_PATH"):
        return known
    command = ["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(folder), *PACKAGES]
    subprocess.run(command, check=True, timeout=300)
    return str(folder / "node_modules")


def _names(path: Path, rooms: int, made: Audience) -> Path:
    """What AstroTV's viewers need to know: the rooms, then the tokens, a line each."""
    path.write_text("".join(f"{line}\n" for line in [*made.rooms[:rooms], *made.tokens]))
    return path


def _ratios(ours: Sequence[Seen], theirs: Sequence[Seen]) -> list[float]:
    """Deliveries of the one for each of the other's, round by round."""
    return [one.deliveries_per_s / other.deliveries_per_s for one, other in zip(ours, theirs, strict=True)]


def _row(name: str, results: Sequence[Seen], ratio: float) -> str:
    middle = {field: statistics.median(getattr(seen, field) for seen in results) for field in Seen.__struct_fields__}
    text = f"{name:<20}{middle['deliveries_per_s']:>10.0f}{ratio:>7.2f}"
    text += f"{middle['last_p50_ms']:>10.2f}{middle['last_p99_ms']:>10.2f}{middle['each_p99_ms']:>10.2f}"
    text += f"{middle['cpu_share']:>6.2f}{middle['cpu_s_per_million']:>9.3f}{middle['kb_per_connection']:>9.2f}"
    return text + f"{middle['opened_per_s']:>10.0f}{middle['lost']:>7.0f}"


def _whole_numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.chat.peers.run", description="Chat beside its peers.")
    parser.add_argument(
        "--servers", default="astrotv,ws,ws-coalescing,socketio", help="which; the first is compared with each"
    )
    parser.add_argument("--viewers", type=int, default=1000, help="sockets")
    parser.add_argument("--rooms", type=_whole_numbers, default=[1], help="numbers of rooms, comma-separated")
    parser.add_argument("--rates", type=_whole_numbers, default=[0], help="messages a second; 0 is as many as go")
    parser.add_argument("--window", type=int, default=64, help="messages under way where the rate is 0")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument(
        "--processes", type=int, default=1, help="of AstroTV on one port; with more, everything has both cores"
    )
    parser.add_argument("--warm-up", type=float, default=1)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
