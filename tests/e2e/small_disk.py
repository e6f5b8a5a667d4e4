"""A small disk under a stack, and the means to leave no room on it: a real one where the tests may mount it.

Where they may not, the same processes are forbidden to write to files at all (RLIMIT_FSIZE 0), which
every account may ask of its own processes: each write fails as it does on a full disk, with another number.
"""

import os
import resource
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import psutil

Writers = Callable[[], Iterable[psutil.Process]]


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """Make the folder a disk of its own for the length of the block, where we may."""
    options = f"size={megabytes}m,mode=755"
    mounted = _run("mount", "-t", "tmpfs", "-o", options, "astrotv-test", str(folder))
    try:
        yield
    finally:
        if mounted:
            _run("umount", "--lazy", str(folder))


@contextmanager
def full(disk: Path, writers: Writers) -> Iterator[None]:
    """Leave no room: on a disk of our own by filling it, else by forbidding its writers to write to files."""
    with ExitStack() as undo:
        if os.path.ismount(disk):
            ballast = disk / "ballast"
            undo.callback(ballast.unlink)
            _fill(ballast)
        else:
            undo.callback(_limit_all, writers, resource.RLIM_INFINITY)
            _limit_all(writers, 0)
        yield


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        for piece in (1 << 20, 1 << 12, 1):
            try:
                while file.write(bytes(piece)):
                    pass
            except OSError:
                continue


def _limit_all(writers: Writers, most: int) -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE) == (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    for process in writers():
        _limit(process, most)


def _limit(process: psutil.Process, most: int) -> None:
    """Set how large files may become, as the account that the process runs under: only that one may."""
    try:
        subprocess.run(
            ["true"],
            check=True,
            user=process.uids().real if os.geteuid() == 0 else None,
            group=process.gids().real if os.geteuid() == 0 else None,
            extra_groups=[] if os.geteuid() == 0 else None,
            preexec_fn=partial(_let_write, process.pid, most),
        )
    except psutil.NoSuchProcess:
        return


def _let_write(pid: int, most: int) -> None:
    try:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
    except ProcessLookupError:
        return


def _run(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
