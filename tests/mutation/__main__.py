"""Try mutants of the modules that hold rules of money and of sign-in, each against the tests that see it.

`python -m tests.mutation [module …] [--sample 0] [--seed 1] [--workers 2] [--minutes 3]` runs the tests of
the modules once to learn which functions each calls, then, for each mutant, those that call where it is. It
prints the mutants that no test noticed, and how many there were. A mutant that makes the tests hang counts
as noticed. With a bound in minutes the sample is shuffled, and what was not begun by then is left out; a
folder (`--kept FOLDER`) keeps verdicts and what is known of the tests, and the next run goes on with the rest
and with those that survived.
"""

import argparse
import math
import os
import random
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from time import monotonic

import msgspec

import embedded
import settings as configuration
from db.migrate import migrate
from tests.conftest import FIXED, TEMPLATE, _execute, _named
from tests.folders import open_folder
from tests.mutation.calls import shown_in
from tests.mutation.knowledge import Knowledge, Place
from tests.mutation.mutants import Mutant, mutants
from tests.mutation.runs import Seen, Workers, collected
from tests.mutation.targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]
WITHOUT_MUTANT_S = 300.0
VERDICTS = "verdicts.jsonl"


class Verdict(msgspec.Struct, frozen=True):
    """What became of a mutant of a module."""

    module: str
    mutant: Mutant
    is_noticed: bool


def main(arguments: list[str]) -> int:
    """Say what survived; returns 1 where something did, 2 where tests fail without any mutant."""
    options = _options(arguments)
    modules = options.modules or list(TARGETS)
    until = monotonic() + 60 * options.minutes if options.minutes else math.inf
    files = sorted({path for module in modules for path in TARGETS[module]})
    with (
        _shelf(options.kept) as shelf,
        _servers() as (servers, folder),
        collected(files, servers, folder) as (runs, imported),
        ThreadPoolExecutor(options.workers) as pool,
    ):
        workers = Workers(runs, servers["DATABASE_OWNER_URL"], options.workers)
        without = _without_mutants(files, workers, pool, shelf)
        broken = [f"{file} ({without[file].failed})" for file in files if without[file].is_failed]
        if broken:
            _say(f"tests fail without any mutant: {', '.join(broken)}\n")
            return 2
        known = Knowledge(without.values(), imported)
        chosen = list(_chosen(modules, options))

        def tried_in_time(one: tuple[str, Mutant]) -> Verdict | None:
            if monotonic() > until:
                return None
            verdict = _tried(*one, known, workers)
            _keep(shelf, verdict)
            return verdict

        tried = pool.map(tried_in_time, chosen)
        verdicts = [verdict for verdict in tried if verdict is not None]
    told = _kept(options.kept, modules) | {(one.module, one.mutant): one for one in verdicts}
    _summary(list(told.values()))
    return int(not all(verdict.is_noticed for verdict in told.values()))


def _without_mutants(files: Sequence[str], workers: Workers, pool: ThreadPoolExecutor, kept: Path) -> dict[str, Seen]:
    """What is seen of each file's tests; where neither they nor what they try changed since, what a folder keeps."""

    def told(file: str) -> Seen:
        tried = "".join(_source(module) for module in TARGETS if file in TARGETS[module])
        page = kept / sha256(file.encode() + (ROOT / file).read_bytes() + tried.encode()).hexdigest()
        if page.exists():
            return msgspec.json.decode(page.read_bytes(), type=Seen)
        found = workers.seen([file], timeout_s=WITHOUT_MUTANT_S)
        if not found.is_failed:
            page.write_bytes(msgspec.json.encode(found))
        return found

    return dict(zip(files, pool.map(told, files), strict=True))


def _kept(shelf: Path | None, modules: Sequence[str]) -> dict[tuple[str, Mutant], Verdict]:
    """The verdicts that a folder keeps on mutants that are still the same."""
    if shelf is None or not (shelf / VERDICTS).exists():
        return {}
    lines = (shelf / VERDICTS).read_bytes().splitlines()
    every = [msgspec.json.decode(line, type=Verdict) for line in lines]
    today = {(module, mutant) for module in modules for mutant in mutants(_source(module))}
    return {(one.module, one.mutant): one for one in every if (one.module, one.mutant) in today}


def _keep(shelf: Path, verdict: Verdict) -> None:
    with (shelf / VERDICTS).open("ab") as lines:
        lines.write(msgspec.json.encode(verdict) + b"\n")


def _summary(verdicts: list[Verdict]) -> None:
    _say("\n")
    for name in [*dict.fromkeys(verdict.module for verdict in verdicts), "all"]:
        mine = [verdict.is_noticed for verdict in verdicts if name in (verdict.module, "all")]
        _say(f"{name:<28} {sum(mine):>4} of {len(mine):>4} noticed\n")


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", help=f"of {', '.join(TARGETS)}; all where none is named")
    parser.add_argument("--sample", type=int, default=20, help="mutants of each module; 0: every one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=0, help="begin no mutant after this long; 0: no bound")
    parser.add_argument("--untried", action="store_true", help="leave out what survived before as well")
    parser.add_argument("--kept", type=Path, help="a folder for verdicts and what is known of the tests")
    return parser.parse_args(arguments)


def _chosen(modules: Sequence[str], options: argparse.Namespace) -> list[tuple[str, Mutant]]:
    chosen: list[tuple[str, Mutant]] = []
    for module in modules:
        every = mutants(_source(module))
        size = min(options.sample, len(every)) or len(every)
        some = random.Random(f"{options.seed}:{module}").sample(every, size)
        chosen += [(module, mutant) for mutant in sorted(some, key=lambda one: one.number)]
    if options.minutes:
        random.Random(options.seed).shuffle(chosen)
    before = _kept(options.kept, modules)
    done = {one for one, verdict in before.items() if verdict.is_noticed or options.untried}
    return [one for one in chosen if one not in done]


def _tried(module: str, mutant: Mutant, known: Knowledge, workers: Workers) -> Verdict:
    source = (ROOT / f"services/{module}.py").read_text()
    place = Place(module, shown_in(source, mutant.line))
    tests = known.tests_of(place, TARGETS[module])
    files = list(dict.fromkeys(test.partition("::")[0] for test in tests))
    timeout_s = 30 + 5 * sum(known.seconds[test] for test in tests)
    found = workers.seen(files, tests, module, mutant.number, timeout_s) if tests else Seen(is_failed=False)
    known.note(place, found.failed)
    verdict = Verdict(module, mutant, found.is_failed)
    _say("." if verdict.is_noticed else f"\n{_line(verdict)}{'' if tests else ' (no test comes there)'}\n")
    return verdict


def _source(module: str) -> str:
    return (ROOT / f"services/{module}.py").read_text()


@contextmanager
def _shelf(kept: Path | None) -> Iterator[Path]:
    """The folder for what the next run is to know, or one that goes with this run."""
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    with open_folder("astrotv-mutants-") as folder:
        yield Path(folder)


@contextmanager
def _servers() -> Iterator[tuple[dict[str, str], Path]]:
    """PostgreSQL with the template, and Redis, for all runs; and a folder for what goes with them."""
    with open_folder("astrotv-mutation-") as folder:
        kept = {name: value for name, value in os.environ.items() if name not in configuration.NAMES}
        own = kept | FIXED | {"DATA_DIR": f"{folder}/data"}
        with embedded.servers(folder / "data", own, durable=False) as environment:
            _execute(environment["DATABASE_OWNER_URL"], f"CREATE DATABASE {TEMPLATE}")
            migrate(_named(environment["DATABASE_OWNER_URL"], TEMPLATE))
            yield environment, folder


def _line(verdict: Verdict) -> str:
    return (
        f"survived: services/{verdict.module}.py:{verdict.mutant.line} ({verdict.mutant.number}) {verdict.mutant.what}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
