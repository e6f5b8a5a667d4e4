"""Try mutants of the modules that hold rules of money and of sign-in, each against the tests of its module.

`python -m tests.mutation [module …] [--sample 20] [--seed 1] [--workers 2] [--minutes 3]` prints the
mutants that no test noticed, and how many there were. A mutant that makes the tests hang counts as
noticed. With a bound in minutes the sample is shuffled, and what was not begun by then is left out.
"""

import argparse
import json
import math
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from time import monotonic

import msgspec

import embedded
import settings as configuration
from db.migrate import migrate
from tests.conftest import FIXED, TEMPLATE, _execute, _named
from tests.folders import open_folder
from tests.mutation.mutants import Mutant, mutants
from tests.mutation.targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 120
PLAIN = ("-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider")


class Verdict(msgspec.Struct, frozen=True):
    """What became of a mutant of a module."""

    module: str
    mutant: Mutant
    is_noticed: bool


def main(arguments: list[str]) -> int:
    """Say what survived; returns 1 where something did, 2 where tests fail without any mutant."""
    options = _options(arguments)
    modules = options.modules or list(TARGETS)
    with _servers() as servers, ThreadPoolExecutor(options.workers) as pool:
        workers: SimpleQueue[str] = SimpleQueue()
        for number in range(options.workers):
            workers.put(f"gw{number}")
        sound = list(pool.map(lambda module: not _is_noticed(module, "", servers, workers), modules))
        broken = [module for module, is_sound in zip(modules, sound, strict=True) if not is_sound]
        if broken:
            _say(f"tests fail without any mutant: {', '.join(broken)}\n")
        chosen = list(_chosen([module for module in modules if module not in broken], options.sample, options.seed))
        until = monotonic() + 60 * options.minutes if options.minutes else math.inf
        if options.minutes:
            random.Random(options.seed).shuffle(chosen)
        tried = pool.map(lambda one: _tried(one, servers, workers) if monotonic() < until else None, chosen)
        verdicts = [verdict for verdict in tried if verdict is not None]
    _summary(verdicts)
    return 2 if broken else int(not all(verdict.is_noticed for verdict in verdicts))


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
    return parser.parse_args(arguments)


def _chosen(modules: list[str], sample: int, seed: int) -> Iterator[tuple[str, Mutant]]:
    for module in modules:
        every = mutants((ROOT / f"services/{module}.py").read_text())
        some = every if not sample else random.Random(f"{seed}:{module}").sample(every, min(sample, len(every)))
        yield from ((module, mutant) for mutant in sorted(some, key=lambda one: one.number))


def _tried(one: tuple[str, Mutant], servers: str, workers: "SimpleQueue[str]") -> Verdict:
    module, mutant = one
    verdict = Verdict(module, mutant, _is_noticed(module, str(mutant.number), servers, workers))
    _say("." if verdict.is_noticed else f"\n{_line(verdict)}\n")
    return verdict


def _is_noticed(module: str, number: str, servers: str, workers: "SimpleQueue[str]") -> bool:
    """Whether the module's tests fail with its n-th change, or with none where no number is given."""
    worker = workers.get()
    planted = {
        "MUTANT": f"services.{module}:{number}",
        "MUTATION_SERVERS": servers,
        "MUTATION_WORKER": worker,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-m", "pytest", "-p", "tests.mutation.planted", *PLAIN, *TARGETS[module]]
    try:
        run = subprocess.run(
            command, cwd=ROOT, env=os.environ | planted, capture_output=True, timeout=TIMEOUT_S, check=False
        )
        return run.returncode != 0
    except subprocess.TimeoutExpired:
        return True
    finally:
        workers.put(worker)


@contextmanager
def _servers() -> Iterator[str]:
    """PostgreSQL with the template, and Redis, for all runs; told as JSON."""
    with open_folder("astrotv-mutation-") as folder:
        kept = {name: value for name, value in os.environ.items() if name not in configuration.NAMES}
        own = kept | FIXED | {"DATA_DIR": f"{folder}/data"}
        with embedded.servers(folder / "data", own, durable=False) as environment:
            _execute(environment["DATABASE_URL"], f"CREATE DATABASE {TEMPLATE}")
            migrate(_named(environment["DATABASE_URL"], TEMPLATE))
            yield json.dumps(environment)


def _line(verdict: Verdict) -> str:
    return (
        f"survived: services/{verdict.module}.py:{verdict.mutant.line} ({verdict.mutant.number}) {verdict.mutant.what}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
