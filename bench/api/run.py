"""`python -m bench.api.run [options]`: the API beside Express, in turns on one machine.

Two processes and 50 connections each, one database, the same bodies. AstroTV runs with all its middleware
and is started as in production; the peers have no rate limits, look up no sessions and log nothing. Only
ratios within one run mean anything. Needs gcc, Node and npm; `--folder` keeps the seed for another run.
"""

import argparse
import contextlib
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import psutil

from bench.api import contenders
from bench.api.calls import CALLS, Call, written
from bench.api.contenders import EXPRESS_PRISMA, EXPRESS_SQL, GUNICORN, Contender
from bench.api.world import prepared
from bench.chat.stage import stores
from bench.figures import Figure

HERE = Path(__file__).parent
CONNECTIONS = 50
#: bcrypt takes a core for a good part of a second: more callers would only wait for each other.
SLOW_CONNECTIONS = 10
#: As production, but for limits that one generator would hit at once, and for callers told apart by a proxy's header.
AS_MEASURED = {
    "LOG_LEVEL": "info",
    "TRUSTED_PROXIES": "1",
    "RATE_LIMIT_DEFAULT": "1000000/15minutes",
    "RATE_LIMIT_AUTH": "1000000/15minutes",
}
LIST_AIMS = {EXPRESS_PRISMA: 3.0, EXPRESS_SQL: 1.1}
ME_AIMS = {EXPRESS_PRISMA: 2.0, EXPRESS_SQL: 1.4}
AIMS: Mapping[str, Mapping[str, float]] = {"list": LIST_AIMS, "me": ME_AIMS}
P99_AIM_MS = 50.0


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What the generator saw, and CPU a request: of the server's processes, and of both stores.

    `answered` counts the warm-up too.
    """

    per_s: float
    p50_ms: float
    p99_ms: float
    refused: int
    broken: int
    late: int
    answered: int
    cpu_ms: float = 0.0
    stores_ms: float = 0.0


Table = dict[str, dict[str, list[Seen]]]


def figures() -> Iterator[Figure]:
    """How often AstroTV answers for each time that a peer does; and its times at half of what it can."""
    options = _options([])
    with _stage(options) as (table, paced):
        for call, seen in table.items():
            yield Figure(f"{call}: requests a second, {GUNICORN}", _median(seen[GUNICORN]), "/s")
            for peer in (name for name in seen if name != GUNICORN):
                yield Figure(f"{call}: {GUNICORN} / {peer}", _ratio(seen[GUNICORN], seen[peer]), "x")
        for call, name, rate, times in paced:
            yield Figure(f"{call} at {rate:.0f}/s, {name}: median", times.p50_ms, "ms")
            yield Figure(f"{call} at {rate:.0f}/s, {name}: 99 %", times.p99_ms, "ms", P99_AIM_MS)


def main(arguments: list[str]) -> None:
    """Print what each server answers when as much is asked as goes, then times at half of that."""
    with _stage(_options(arguments)) as (table, paced):
        print(f"{'route':<9}{'server':<16}{'per s':>8}{'p50 ms':>8}{'p99 ms':>8}{'cpu ms':>8}{'stores':>8}", end="")
        print(f"{'/prisma':>9}{'/sql':>7}  refused")
        for call, seen in table.items():
            for name, results in seen.items():
                print(_row(call, name, results, seen), flush=True)
        for call, name, rate, times in paced:
            print(f"{call:<9}{name:<16}{rate:8.0f}/s asked{times.p50_ms:9.2f}{times.p99_ms:9.2f} ms{times.late:6} late")


@contextlib.contextmanager
def _stage(options: argparse.Namespace) -> Iterator[tuple[Table, Iterator[tuple[str, str, float, Seen]]]]:
    with contextlib.ExitStack() as stack:
        folder = Path(options.folder or stack.enter_context(tempfile.TemporaryDirectory(prefix="astrotv-bench-")))
        environment = {**stack.enter_context(stores(folder)), **AS_MEASURED}
        world, load = prepared(environment), _load(folder)
        calls = [call for call in CALLS if call.name in options.routes.split(",")]
        files = {call.name: written(call, world, folder) for call in calls}
        servers = stack.enter_context(contenders.running(options.servers.split(","), environment, folder))
        bench = Bench(load, files, servers, options.seconds)
        table = bench.table(calls, options.rounds)
        yield table, (bench.paced(calls, table) if options.paced else iter(()))


class Bench:
    """Servers that run, and the requests to ask of them."""

    def __init__(self, load: str, files: Mapping[str, Path], servers: Sequence[Contender], seconds: float) -> None:
        self._load, self._files, self._servers, self._seconds = load, files, servers, seconds

    def table(self, calls: Sequence[Call], rounds: int) -> Table:
        """Route, server, and what was seen in each round; in each, the servers take turns at every route."""
        seen: Table = {call.name: {server.name: [] for server in self._servers} for call in calls}
        for _ in range(rounds):
            for call in calls:
                for server in self._servers:
                    seen[call.name][server.name].append(self._ask(call, server))
        return seen

    def paced(self, calls: Sequence[Call], table: Table) -> Iterator[tuple[str, str, float, Seen]]:
        """Route, server, rate and times at half of what the server could answer; of our own servers."""
        for call in calls:
            for server in self._servers:
                if not server.name.startswith("express"):
                    rate = _median(table[call.name][server.name]) / 2
                    yield call.name, server.name, rate, self._ask(call, server, rate)

    def _ask(self, call: Call, server: Contender, rate: float = 0) -> Seen:
        seconds = max(self._seconds, 4) if call.slow else self._seconds
        connections = SLOW_CONNECTIONS if call.slow else CONNECTIONS
        command = [self._load, server.port, self._files[call.name], connections, rate, min(1, seconds / 3), seconds]
        before = self._cpu_s(server)
        found = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, check=True, timeout=120)
        spent = [after - at for after, at in zip(self._cpu_s(server), before, strict=True)]
        seen = msgspec.json.decode(found.stdout, type=Seen)
        own, stores_own = (1000 * each / max(1, seen.answered) for each in spent)
        return msgspec.structs.replace(seen, cpu_ms=own, stores_ms=stores_own)

    def _cpu_s(self, server: Contender) -> tuple[float, float]:
        """CPU seconds so far: of the server's processes, and of PostgreSQL's and Redis'."""
        serving = {contender.pid for contender in self._servers}
        stores_ = [process for process in psutil.Process().children() if process.pid not in serving]
        return _cpu_s([psutil.Process(server.pid)]), _cpu_s(stores_)


def _cpu_s(processes: Sequence[psutil.Process]) -> float:
    """CPU seconds of processes and all that they started."""
    total = 0.0
    for root in processes:
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
    return total


def _load(folder: Path) -> str:
    """The load generator, compiled."""
    program = str(folder / "load")
    subprocess.run(["gcc", "-O2", "-o", program, str(HERE / "load.c")], check=True)
    return program


def _median(results: Sequence[Seen]) -> float:
    return statistics.median(seen.per_s for seen in results)


def _ratio(ours: Sequence[Seen], theirs: Sequence[Seen]) -> float:
    """The median over the rounds of our answers for each of theirs."""
    return statistics.median(one.per_s / max(other.per_s, 0.1) for one, other in zip(ours, theirs, strict=True))


def _row(call: str, name: str, results: Sequence[Seen], all_: Mapping[str, Sequence[Seen]]) -> str:
    middle = {field: statistics.median(getattr(seen, field) for seen in results) for field in Seen.__struct_fields__}
    text = f"{call:<9}{name:<16}{middle['per_s']:8.0f}{middle['p50_ms']:8.2f}{middle['p99_ms']:8.2f}"
    text += f"{middle['cpu_ms']:8.3f}{middle['stores_ms']:8.3f}"
    for peer, width in ((EXPRESS_PRISMA, 9), (EXPRESS_SQL, 7)):
        text += f"{_ratio(results, all_[peer]):{width}.2f}" if peer in all_ else " " * width
    return text + f"{sum(seen.refused + seen.broken for seen in results):9}"


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.api.run", description="The API beside Express.")
    parser.add_argument("--folder", help="where the data are and stay; a new one for this run by default")
    parser.add_argument("--routes", default=",".join(call.name for call in CALLS), help="which, comma-separated")
    parser.add_argument("--servers", default=",".join(contenders.known()), help="which, comma-separated")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--paced", action=argparse.BooleanOptionalAction, default=True, help="also at half the rate")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
