"""How gunicorn serves the API: a few processes, each with threads that agree with its pool."""

import os
import select
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import settings
from api import succession
from logs import gather_lines

try:
    settings.load(os.environ)
except settings.SettingsError as error:
    sys.exit(f"api: {error}")

host = os.environ.get("HOST") or "127.0.0.1"
port = os.environ.get("PORT") or "8000"
bind = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}"]

workers = int(os.environ.get("API_WORKERS") or 2)
threads = int(os.environ.get("API_THREADS") or 4)
#: Of our own, on Linux; elsewhere gunicorn's.
worker_class = "api.worker.worker.Worker" if hasattr(select, "epoll") else "gthread"
control_socket_disable = True
keepalive = 20
timeout = 60
graceful_timeout = 10
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - heartbeats want no disk
limit_request_line = 8190
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS") or "127.0.0.1"
accesslog = None
loglevel = "warning"
logger_class = "api.gunicorn_log.Log"


def on_starting(server: Any) -> None:
    """Give Prometheus' counters of all processes a common, empty folder, and each worker a socket."""
    folder = tempfile.mkdtemp(prefix="astrotv-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    succession.open_listeners(server)


def on_reload(server: Any) -> None:
    succession.plan(server)


def pre_fork(server: Any, worker: Any) -> None:
    succession.assign(server, worker)


def post_worker_init(worker: Any) -> None:
    gather_lines()
    succession.take_over(worker)


def on_exit(_server: Any) -> None:
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)


def child_exit(server: Any, worker: Any) -> None:
    """Take a dead process out of the sums of gauges."""
    from prometheus_client import multiprocess

    succession.count_out(server, worker)
    multiprocess.mark_process_dead(worker.pid)
