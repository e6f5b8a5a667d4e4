"""How gunicorn serves the API: a few processes, each with threads that agree with its pool."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

host = os.environ.get("HOST") or "127.0.0.1"
port = os.environ.get("PORT") or "8000"
bind = [f"{host}:{port}"]

workers = int(os.environ.get("API_WORKERS") or 2)
threads = int(os.environ.get("API_THREADS") or 4)
worker_class = "gthread"
reuse_port = True
control_socket_disable = True
keepalive = 20
timeout = 60
graceful_timeout = 10
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - heartbeats want no disk
limit_request_line = 8190
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS") or "127.0.0.1"
accesslog = None
loglevel = "warning"


def on_starting(_server: Any) -> None:
    """Give Prometheus' counters of all processes a common, empty folder."""
    folder = tempfile.mkdtemp(prefix="astrotv-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder


def on_exit(_server: Any) -> None:
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)


def child_exit(_server: Any, worker: Any) -> None:
    """Take a dead process out of the sums of gauges."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)
