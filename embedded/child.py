"""Starting and stopping child processes so that none outlives this one, even when it is killed."""

import ctypes
import functools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1  # linux/prctl.h
STOP_PATIENCE_S = 15.0


def spawn(
    command: Sequence[str],
    *,
    output: int | IO[bytes],
    environ: Mapping[str, str] | None = None,
    folder: Path | str = "/",
    user: str | None = None,
    farewell: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a command in a session of its own; `farewell` is sent to it if this process dies.

    A session of its own keeps the terminal's Ctrl-C from it: whoever started it stops it, in order.
    `user` needs root. Raises OSError when the command cannot be run.
    """
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=environ,
        cwd=folder,
        start_new_session=True,
        preexec_fn=_farewell(farewell),
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )


def stop(
    child: subprocess.Popen[bytes],
    request: signal.Signals = signal.SIGTERM,
    patience_s: float = STOP_PATIENCE_S,
) -> None:
    """Ask a child to stop, and kill its whole session when it has not within `patience_s` seconds."""
    if child.poll() is None:
        child.send_signal(request)
        with suppress(subprocess.TimeoutExpired):
            child.wait(patience_s)
    kill_session(child)


def kill_session(child: subprocess.Popen[bytes]) -> None:
    """Kill a child and whatever it left behind in its session."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _farewell(request: signal.Signals) -> Callable[[], None] | None:
    """Tie a child's life to ours; Linux alone can, elsewhere a killed parent leaves its children."""
    if sys.platform != "linux":
        return None
    prctl, parent = _libc().prctl, os.getpid()

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, int(request), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return tie


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
