"""`restart`: a running process of `up` replaced by one with the newest code, without losing what it does."""

import argparse
import os
import signal
import subprocess
import time
from collections.abc import Callable

import psutil

from embedded.errors import EmbeddedError
from operations import probe, procfile
from operations.procfile import ProcfileEntry
from operations.project import ROOT, data_dir
from operations.readiness import TIMEOUT_S, pages
from operations.supervisor import STOP_PATIENCE_S
from settings import load

HELP = "replace a process of a running `up`, or all in turn, without losing what it does"
PIDFILE = "up.pid"
ALL = "all"
PATIENCE_S = 90.0
TICK_S = 0.1


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("process", choices=[ALL, *(entry.name for entry in procfile.entries())])


def run(arguments: argparse.Namespace, environ: dict[str, str]) -> int:
    """Restart what was asked for, and say so once the new one answers.

    Raises EmbeddedError where nothing runs, or nothing comes back.
    """
    up = _running(environ)
    for entry in procfile.entries():
        if arguments.process in (ALL, entry.name):
            began_at = time.monotonic()
            _restart(up, entry)
            print(f"{entry.name}: restarted in {time.monotonic() - began_at:.1f} s", flush=True)
    return 0


def _restart(up: psutil.Process, entry: ProcfileEntry) -> None:
    page = pages(load(_process_of(up, entry).environ())).get(entry.name)
    (_reload if entry.name == "api" else _replace)(up, entry)
    if page is not None:
        _wait(lambda: probe.answers(page, TIMEOUT_S), entry.name)


def _running(environ: dict[str, str]) -> psutil.Process:
    folder = data_dir(environ)
    try:
        up = psutil.Process(int((folder / PIDFILE).read_text()))
        if "manage.py" in " ".join(up.cmdline()):
            return up
    except (FileNotFoundError, ValueError, psutil.Error):
        pass
    raise EmbeddedError(f"no `manage.py up` runs in {folder}")


def _reload(up: psutil.Process, entry: ProcfileEntry) -> None:
    """New workers beside the old ones, which finish when the new ones serve; the sockets stay open throughout."""
    master = _process_of(up, entry)
    _check(master, entry)
    before = {child.pid for child in master.children()}
    master.send_signal(signal.SIGHUP)
    _wait(lambda: _are_others(master, before), entry.name)


def _check(master: psutil.Process, entry: ProcfileEntry) -> None:
    """Refuse code that does not load while the old one still serves."""
    done = subprocess.run(
        [*entry.command, "--check-config"], cwd=ROOT, env=master.environ(), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise EmbeddedError(f"{entry.name} goes on as it is: what should replace it does not load ({last})")


def _are_others(master: psutil.Process, before: set[int]) -> bool:
    now = {child.pid for child in master.children()}
    return bool(now) and not now & before


def _replace(up: psutil.Process, entry: ProcfileEntry) -> None:
    """The old one finishes or hands over what it does, and `up` starts another.

    A worker in the midst of something long gives it back to its queue, for the next to do.
    """
    old = _process_of(up, entry)
    old.terminate()
    _, busy = psutil.wait_procs([old], timeout=STOP_PATIENCE_S)
    if busy and entry.is_worker:
        old.send_signal(signal.SIGQUIT)
    _wait(lambda: any(found.pid != old.pid for found in _processes_of(up, entry)), entry.name)


def _process_of(up: psutil.Process, entry: ProcfileEntry) -> psutil.Process:
    for found in _processes_of(up, entry):
        return found
    raise EmbeddedError(f"{entry.name} does not run at this moment; `up` is starting it")


def _processes_of(up: psutil.Process, entry: ProcfileEntry) -> list[psutil.Process]:
    return [child for child in up.children() if _command(child) == entry.command[1:]]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()[1:]
    except psutil.Error:
        return []


def _wait(condition: Callable[[], bool], name: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise EmbeddedError(f"{name} has not come back within {PATIENCE_S:.0f} s; the output of `up` says why")
        time.sleep(TICK_S)


def write_pid(environ: dict[str, str]) -> None:
    """Say which process is the folder's `up`."""
    (data_dir(environ) / PIDFILE).write_text(str(os.getpid()))
