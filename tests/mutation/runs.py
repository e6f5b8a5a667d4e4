"""One run of tests in a process of its own, with a mutant in its module's place or with none.

Runs are forked from one process that has collected the tests and imported all that they try. A mutant that shows
while modules are imported gets a process in which nothing of ours has been imported. The servers are those that
the driver has started: a run takes itself for a worker of xdist, which is told where they are.
"""

import gc
import importlib.abc
import importlib.util
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.machinery import ModuleSpec
from multiprocessing import get_context
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from queue import SimpleQueue
from types import ModuleType

import msgspec
import pytest

from tests.mutation.calls import Calls, Function
from tests.mutation.databases import Database
from tests.mutation.mutants import mutated
from tests.mutation.planting import TooLate, functions_by_definition, plant

ROOT = Path(__file__).resolve().parents[2]
PLAIN = (
    "-x",
    "-q",
    "-s",
    "--tb=no",
    "--assert=plain",
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
COLLECTED_S = 300.0

_processes = get_context("forkserver")
_processes.set_forkserver_preload(list(LIBRARIES))


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """Tests that are chosen from some files, in that order (or all); `number` is the mutant's of the module."""

    worker: str
    database: str
    files: Sequence[str]
    chosen: Sequence[str] = ()
    module: str = ""
    number: int = 0


class Seen(msgspec.Struct, frozen=True):
    """The first test that failed, and, of a run without a mutant, what the tests called and how long they took."""

    is_failed: bool
    failed: str = ""
    calls: Mapping[str, frozenset[Function]] = {}
    seconds: Mapping[str, float] = {}
    is_too_late: bool = False


class Runs:
    """Where runs are forked: from tests that were collected, or from the libraries alone."""

    def __init__(self, servers: Mapping[str, str], address: str) -> None:
        self._servers = servers
        self._address = address

    def seen(self, run: Run, timeout_s: float) -> Seen:
        """Run the tests; those that hang, or take their process with them, have failed."""
        with Client(self._address, "AF_UNIX") as answer:
            answer.send(run)
            leader: int = answer.recv()
            found = _heard(answer, leader, timeout_s)
        if not found.is_too_late:
            return found
        here, there = _processes.Pipe(duplex=False)
        process = _processes.Process(target=_from_nothing, args=(run, self._servers, there))
        process.start()
        there.close()
        with here:
            found = _heard(here, process.pid or 0, timeout_s)
        process.join()
        return found


def _heard(answer: Connection, leader: int, timeout_s: float) -> Seen:
    """What a run says; ends it, and whatever it started and left behind."""
    try:
        found: Seen = answer.recv() if answer.poll(timeout_s) else Seen(is_failed=True)
    except EOFError:
        found = Seen(is_failed=True)
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
    return found


class Workers:
    """Places for runs: as many at once as there are workers, each with databases of its own."""

    def __init__(self, runs: Runs, owner_url: str, count: int) -> None:
        self._runs = runs
        self._free: SimpleQueue[tuple[str, Database]] = SimpleQueue()
        for number in range(count):
            self._free.put((f"gw{number}", Database(owner_url, f"astrotv_gw{number}")))

    def seen(
        self, files: Sequence[str], tests: Sequence[str] = (), module: str = "", number: int = 0, timeout_s: float = 60
    ) -> Seen:
        """Wait for a place, and run the tests there."""
        name, database = self._free.get()
        try:
            run = Run(worker=name, database=database.lend(), files=files, chosen=tests, module=module, number=number)
            return self._runs.seen(run, timeout_s)
        finally:
            self._free.put((name, database))


@contextmanager
def collected(files: Sequence[str], servers: Mapping[str, str], folder: Path) -> Iterator[tuple[Runs, list[Function]]]:
    """Collect the tests; gives what makes runs of them, and the functions that are called at import."""
    address = str(folder / "runs")
    here, there = _processes.Pipe(duplex=False)
    process = _processes.Process(target=_collect, args=(files, servers, address, there))
    process.start()
    there.close()
    try:
        assert here.poll(COLLECTED_S), "the tests could not be collected"
        yield Runs(servers, address), here.recv()
    finally:
        process.kill()
        process.join()


def _collect(files: Sequence[str], servers: Mapping[str, str], address: str, ready: Connection) -> None:
    _be_silent()
    calls = Calls()
    calls.listen()
    forking = _Forking(servers, calls, address, ready)
    code = pytest.main([*PLAIN, *files], plugins=[forking, calls])
    if forking.answer is not None:
        _tell(forking.answer, code, calls)


class _Forking:
    """The pytest plugin that, once the tests are collected, waits for runs and forks a process for each."""

    def __init__(self, servers: Mapping[str, str], calls: Calls, address: str, ready: Connection) -> None:
        self._input: dict[str, object] = {"astrotv_environment": servers, "workerid": "gw0"}
        self._calls, self._address, self._ready = calls, address, ready
        self.answer: Connection | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        config.workerinput = self._input  # type: ignore[attr-defined]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        self._calls.listen_no_more()
        if session.testsfailed:
            return None
        imported = frozenset(self._calls.by_test.pop("", ()))
        functions = functions_by_definition()
        gc.collect()
        gc.freeze()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        with Listener(self._address, "AF_UNIX", backlog=16) as listener:
            self._ready.send(list(imported))
            answer = _forked(listener)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        answer.send(os.getpid())
        run: Run = answer.recv()
        self._input |= {"workerid": run.worker, "astrotv_database": run.database}
        _choose(session, run)
        self.answer = answer
        if not run.module:
            self._calls.listen()
            return None
        try:
            plant(run.module, run.number, functions, imported)
        except TooLate:
            answer.send(Seen(is_failed=False, is_too_late=True))
            os._exit(0)
        return None


def _forked(listener: Listener) -> Connection:
    """Wait for runs for ever; returns in the process of each."""
    while True:
        answer = listener.accept()
        if os.fork() == 0:
            return answer
        answer.close()


def _choose(session: pytest.Session, run: Run) -> None:
    places = {nodeid: place for place, nodeid in enumerate(run.chosen)}
    items = [item for item in session.items if item.nodeid.partition("::")[0] in run.files]
    if places:
        items = sorted((item for item in items if item.nodeid in places), key=lambda item: places[item.nodeid])
    session.items[:] = items


def _from_nothing(run: Run, servers: Mapping[str, str], answer: Connection) -> None:
    os.setsid()
    _be_silent()
    sys.meta_path.insert(0, _Planted(run.module, run.number))
    calls = Calls()
    code = pytest.main([*PLAIN, *run.files], plugins=[_Alone(servers, run), calls])
    _tell(answer, code, calls)


class _Alone:
    """The pytest plugin that lends the driver's servers, and keeps the chosen tests."""

    def __init__(self, servers: Mapping[str, str], run: Run) -> None:
        self._input = {
            "astrotv_environment": servers,
            "workerid": run.worker,
            "astrotv_database": run.database,
        }
        self._run = run

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        config.workerinput = self._input  # type: ignore[attr-defined]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        _choose(session, self._run)


def _be_silent() -> None:
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)


def _tell(answer: Connection, code: int, calls: Calls) -> None:
    by_test = {test: frozenset(functions) for test, functions in calls.by_test.items()}
    answer.send(Seen(code != pytest.ExitCode.OK, calls.failed, by_test, dict(calls.seconds)))
    os._exit(0)


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
