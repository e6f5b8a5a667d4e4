"""The API under granian instead of gunicorn: `python -m api.fast`, where `pip install astrotv[fast]` put it.

The same application, environment and numbers of processes and threads; HTTP is parsed and written in Rust.
`docs/performance-api.md` tells what that gains, and what gunicorn does that this does not.
"""

import os
import shutil
import tempfile

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server


def main() -> None:
    """Serve until told to stop; requests under way are finished first."""
    folder = tempfile.mkdtemp(prefix="astrotv-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    try:
        _server().serve()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _server() -> Server:
    return Server(
        "api.wsgi:app",
        address=os.environ.get("HOST") or "127.0.0.1",
        port=int(os.environ.get("PORT") or 8000),
        interface=Interfaces.WSGI,
        workers=int(os.environ.get("API_WORKERS") or 2),
        blocking_threads=int(os.environ.get("API_THREADS") or 4),
        respawn_failed_workers=True,
        workers_kill_timeout=10,
        websockets=False,
        log_access=False,
        log_level=LogLevels.warning,
    )


if __name__ == "__main__":
    main()
