"""One run of tests in a process of its own, with a mutant in its module's place or with none.

The process is forked from one that has imported the libraries and nothing of ours. The servers are those
that the driver has started: the run takes itself for a worker of xdist, which is told where they are.
"""

import importlib.abc
import importlib.util
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from tests.mutation.calls import Calls, Function
from tests.mutation.mutants import mutated

ROOT = Path(__file__).resolve().parents[2]
PLAIN = (
    "-x",
    "-q",
    "-W",
    "ignore::pytest.PytestAssertRewriteWarning",
    "-p",
    "no:randomly",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:xdist",
)
#: What takes time to import and is not ours.
LIBRARIES = (
    *("boto3", "celery", "dodopayments", "falcon.testing", "hypothesis", "kombu", "moto.server", "peewee", "PIL.Image"),
    *("playhouse.pool", "prometheus_client", "psycopg2.extras", "redis", "requests", "schemathesis.pytest.plugin"),
    *("stripe", "structlog", "tests.mutation.runs", "yoyo"),
)

_processes = get_context("forkserver")
_processes.set_forkserver_preload(list(LIBRARIES))


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """The tests of some files, all or those that are chosen and in that order; `number` is the mutant's."""

    files: Sequence[str]
    chosen: Sequence[str] = ()
    module: str = ""
    number: int = 0


class Seen(msgspec.Struct, frozen=True):
    """Whether a test failed, and, of a run without a mutant, what the tests called and how long they took."""

    is_failed: bool
    calls: Mapping[str, frozenset[Function]] = {}
    seconds: Mapping[str, float] = {}


def seen(run: Run, servers: Mapping[str, str], worker: str, timeout_s: float) -> Seen:
    """Run the tests; those that hang, or take their process with them, have failed."""
    here, there = _processes.Pipe(duplex=False)
    process = _processes.Process(target=_work, args=(run, servers, worker, there))
    process.start()
    there.close()
    try:
        answer: Seen = here.recv() if here.poll(timeout_s) else Seen(is_failed=True)
        return answer
    except EOFError:
        return Seen(is_failed=True)
    finally:
        here.close()
        process.join(5)
        _end(process.pid)
        process.join()


def _end(leader: int | None) -> None:
    """End a run that is still there, and whatever it started and left behind."""
    try:
        os.killpg(leader or 0, signal.SIGKILL)
    except ProcessLookupError:
        return


def _work(run: Run, servers: Mapping[str, str], worker: str, answer: Connection) -> None:
    os.setsid()
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    calls = Calls()
    if run.module:
        sys.meta_path.insert(0, _Planted(run.module, run.number))
    else:
        calls.listen()
    code = pytest.main([*PLAIN, *run.files], plugins=[_Worker(servers, worker, run.chosen), calls])
    by_test = {test: frozenset(functions) for test, functions in calls.by_test.items()}
    answer.send(Seen(code != pytest.ExitCode.OK, by_test, dict(calls.seconds)))


class _Worker:
    """The pytest plugin that lends the driver's servers, and keeps the chosen tests."""

    def __init__(self, servers: Mapping[str, str], name: str, chosen: Sequence[str]) -> None:
        self._input = {"astrotv_environment": servers, "workerid": name}
        self._chosen = chosen

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        config.workerinput = self._input  # type: ignore[attr-defined]

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        if self._chosen:
            places = {nodeid: place for place, nodeid in enumerate(self._chosen)}
            items[:] = sorted((item for item in items if item.nodeid in places), key=lambda item: places[item.nodeid])


class _Planted(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads the mutant where its module is imported."""

    def __init__(self, module: str, number: int) -> None:
        assert f"services.{module}" not in sys.modules, f"{module} was imported before its mutant"
        self._name, self._number = f"services.{module.replace('/', '.')}", number
        self._path = ROOT / f"services/{module}.py"

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != self._name:
            return None
        return importlib.util.spec_from_file_location(name, self._path, loader=self)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        tree = mutated(self._path.read_text(), self._number)
        exec(compile(tree, str(self._path), "exec"), module.__dict__)
