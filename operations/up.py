"""`up`: everything of a stack in one terminal, from the servers to Flower, until Ctrl-C."""

import argparse
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import settings as configuration
from db.migrate import migrate
from embedded import Servers, opened
from embedded.errors import EmbeddedError
from log_files import open_log_file
from operations import banner, ports, procfile, restart, seed
from operations.project import data_dir
from operations.readiness import Readiness
from operations.supervisor import Supervisor
from settings import Settings

LEAST_FREE_MB = 300
SERVER_CHECK_S = 2.0
NOT_WAITED_FOR = ("beat", "flower")
LATER_S = 2.5

HELP = "start everything and keep it running until Ctrl-C"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("--no-seed", action="store_true", help="leave out the demo data at the first start")


def run(arguments: argparse.Namespace, environ: dict[str, str]) -> int:
    """Run the stack; returns 0 after an orderly end."""
    began_at = time.monotonic()
    os.umask(0o077)
    folder = data_dir(environ)
    if sys.stdout.isatty():
        environ.setdefault("LOG_FORMAT", "console")
    with stop_asked() as stop, opened(folder, environ) as servers:
        settings = configuration.load(servers.environment)
        ports.refuse_taken(settings)
        _refuse_log_file(settings.log_file)
        restart.write_pid(environ)
        _refuse_full_disk(settings.data_dir)
        _start_stores(servers, settings)
        demo = None if arguments.no_seed or settings.production else seed.ensure(settings)
        if not stop():
            _run_processes(servers, settings, banner.Banner(settings, demo), stop, began_at)
    return 0


class StopRequest:
    """Whether somebody has asked this process to stop; a second asking does not hurry it."""

    def __init__(self) -> None:
        self.asked = False

    def hear(self, _signal: int, _frame: FrameType | None) -> None:
        self.asked = True

    def __call__(self) -> bool:
        return self.asked


@contextmanager
def stop_asked() -> Iterator[StopRequest]:
    """Listen to Ctrl-C, SIGTERM and a closed terminal for the length of the block."""
    request = StopRequest()
    heard = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, request.hear) for number in heard}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _start_stores(servers: Servers, settings: Settings) -> None:
    print(f"AstroTV keeps its data in {settings.data_dir}", flush=True)
    if os.geteuid() == 0:
        print("It runs as root here; an ordinary user is enough", flush=True)
    servers.start()
    if servers.remark:
        print(servers.remark, flush=True)
    applied = migrate(settings.database_owner_url)
    if applied:
        print(f"The database has been brought up to {applied[-1]}", flush=True)


def _run_processes(
    servers: Servers, settings: Settings, shown: "banner.Banner", stop: StopRequest, began_at: float
) -> None:
    supervisor = Supervisor(procfile.entries(), process_environment(servers.environment, settings))
    readiness = Readiness(settings, supervisor.say)
    watch = ServerWatch(servers, supervisor)
    try:
        supervisor.start(later=NOT_WAITED_FOR, pause_s=LATER_S)
        supervisor.run(until=lambda: stop() or watch.check() or readiness.reached())
        if not stop():
            print(shown.text(time.monotonic() - began_at), flush=True)
        supervisor.run(until=lambda: stop() or watch.check())
    finally:
        supervisor.say("stopping")
        supervisor.stop()
    print("AstroTV has stopped; the data are kept", flush=True)


class ServerWatch:
    """Looks after PostgreSQL and Redis every few seconds, since nobody else would start them again."""

    def __init__(self, servers: Servers, supervisor: Supervisor) -> None:
        self._servers = servers
        self._supervisor = supervisor
        self._due_at = 0.0
        self._said = ""

    def check(self) -> bool:
        """Start again what died; never asks to stop. What cannot start, on a full disk, is tried until it can."""
        if time.monotonic() >= self._due_at:
            for name in ("redis", "postgres"):
                self._revive(name)
            self._due_at = time.monotonic() + SERVER_CHECK_S
        return False

    def _revive(self, name: str) -> None:
        try:
            if self._servers.restart_dead(name):
                self._supervisor.say(f"{name} had died and was started again")
        except (EmbeddedError, OSError) as error:
            if str(error) != self._said:
                self._supervisor.say(f"{error}; it is tried again every {SERVER_CHECK_S:.0f} s")
            self._said = str(error)


def process_environment(environ: dict[str, str], settings: Settings) -> dict[str, str]:
    """Return what every process is started with: programs of this Python first, Flower's own names."""
    programs = str(Path(sys.executable).parent)
    return environ | {
        "PATH": programs + os.pathsep + environ.get("PATH", os.defpath),
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "ignore:You're running the worker with superuser",  # we know, and said so ourselves
        "FLOWER_ADDRESS": environ.get("FLOWER_ADDRESS", "127.0.0.1"),
        "FLOWER_PORT": str(settings.flower_port),
        "FLOWER_BASIC_AUTH": settings.flower_basic_auth,
    }


def _refuse_log_file(path: str) -> None:
    if path:
        open_log_file(path).close()


def _refuse_full_disk(folder: Path) -> None:
    free_mb = shutil.disk_usage(folder).free // 1_000_000
    if free_mb < LEAST_FREE_MB:
        raise EmbeddedError(f"DATA_DIR: only {free_mb} MB are free at {folder}; {LEAST_FREE_MB} MB are needed")
