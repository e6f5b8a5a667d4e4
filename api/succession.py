"""How one set of gunicorn's workers follows another without a request lost or kept waiting.

Each worker has a listening socket of its own (SO_REUSEPORT, so that the kernel spreads connections evenly), made by
the master and kept by it: what waits in a socket's queue survives the worker. On a reload (HUP) the new workers load
the application first, share the sockets of those they replace, and only then tell them to finish.
"""

import os
import signal
from contextlib import suppress
from typing import Any

from gunicorn import sock


def open_listeners(server: Any) -> None:
    """Bind a socket for each worker, unless sockets were handed down (by systemd or by an older master)."""
    if {"GUNICORN_FD", "LISTEN_FDS"} & os.environ.keys():
        return
    server.cfg.set("reuse_port", True)
    server.LISTENERS = [one for _ in range(server.cfg.workers) for one in sock.create_sockets(server.cfg, server.log)]
    server.cfg.set("reuse_port", False)  # gunicorn would have each worker bind one, which dies with it


def plan(server: Any) -> None:
    """A reload begins: every worker of now will be replaced, and stays until then."""
    server.to_replace = sorted(server.WORKERS.values(), key=lambda worker: worker.age)
    server.successors_due = server.cfg.workers
    server.num_workers = len(server.to_replace) + server.cfg.workers


def assign(server: Any, worker: Any) -> None:
    """Say which sockets a worker that is about to be born serves, and whom it replaces."""
    workers, born = server.cfg.workers, 0
    worker.replaces = []
    if getattr(server, "successors_due", 0):
        born = workers - server.successors_due
        server.successors_due -= 1
        worker.replaces = [old.pid for old in server.to_replace[born::workers]]
        worker.slot = born
    else:
        worker.slot = _least_served(server, workers)
    mine = [one for number, one in enumerate(server.LISTENERS) if number % workers == worker.slot]
    worker.sockets = mine or server.LISTENERS


def take_over(worker: Any) -> None:
    """The application is loaded: whoever is replaced may finish."""
    for pid in worker.replaces:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def count_out(server: Any, worker: Any) -> None:
    """A worker has ended; one that was replaced needs no other in its place."""
    if worker in getattr(server, "to_replace", ()):
        server.to_replace.remove(worker)
        server.num_workers -= 1


def _least_served(server: Any, workers: int) -> int:
    serving = [worker.slot for worker in server.WORKERS.values()]
    return min(range(workers), key=serving.count)
