"""Become another program that dies with the process that started it.

Run as a script: `python leash.py <parent pid> <program> <arguments…>`. The kernel is asked to kill
this process when its parent dies, and the wish survives the exec, so that not even SIGKILL of a
worker leaves its program behind. It needs no code between fork and exec, which makes it safe in
a process with threads. The parent is, to the kernel, the *thread* that started the program: start
and wait in one thread.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # Linux, prctl(2)


def die_with(parent: int) -> None:
    """Ask for SIGKILL at the death of `parent`; exits at once where it is dead already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the starting process is gone")


if __name__ == "__main__":
    die_with(int(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606  # the whole purpose; no shell is wanted
