"""The data folder: where everything that a stack remembers lives, and who may use it at a time."""

import errno
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from embedded import account
from embedded.errors import EmbeddedError, FolderBusy

OUTSIDE = Path("/var/lib/astrotv")
SOCKET_NAME = ".s.PGSQL.5432"  # the longest socket name that we put there


class DataFolder:
    """One stack's folder: cluster, append-only file, media, mail, secrets, logs and sockets."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    @cached_property
    def account(self) -> str | None:
        """The system account that the cluster belongs to; None when it is ours."""
        return account.server_account()

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def state(self) -> Path:
        return self.path / "running.json"

    @property
    def cluster(self) -> Path:
        """The folder of the PostgreSQL cluster; a link when it had to be placed outside."""
        return self.path / "postgres"

    def make(self) -> None:
        """Make the folder; raises EmbeddedError when it cannot be written."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.path.chmod(0o700 if os.geteuid() != 0 else 0o711)
            self.logs.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise
            raise EmbeddedError(f"DATA_DIR: {self.path} cannot be used: {error.strerror}") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder against other processes; raises FolderBusy. The system frees it if we die."""
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise FolderBusy(f"DATA_DIR: another AstroTV is running in {self.path}") from error
        finally:
            os.close(descriptor)

    def make_cluster(self) -> Path:
        """Return the cluster's real folder, made, owned and reachable by PostgreSQL's account."""
        if not self.cluster.exists():
            self._place_cluster()
        real = self.cluster.resolve()
        account.give(real, self.account)
        return real

    def _place_cluster(self) -> None:
        self.cluster.unlink(missing_ok=True)
        self.cluster.mkdir(mode=0o700)
        try:
            account.give(self.cluster, self.account)
            if account.can_write(self.cluster, self.account):
                return
        except PermissionError:
            pass  # a file system that knows no owners
        self.cluster.rmdir()
        outside = _outside(f"postgres-{secrets.token_hex(6)}")
        self.cluster.symlink_to(outside, target_is_directory=True)

    def make_sockets(self) -> Path:
        """Return a private folder that can hold sockets, in the data folder wherever that works.

        A socket's path is limited to about 100 bytes, and the servers' account must reach it.
        """
        inside = self.path / "run"
        inside.mkdir(mode=0o700, exist_ok=True)
        account.give(inside, self.account)
        if _holds_sockets(inside) and account.can_write(inside, self.account):
            return inside
        at_root = self.account is not None
        outside = _outside(f"run-{self._digest()}") if at_root else _private(self._temporary())
        account.give(outside, self.account)
        return outside

    def remove_sockets(self) -> None:
        """Remove the folder of the sockets where it is outside: nobody would look for it there."""
        for place in (OUTSIDE / f"run-{self._digest()}", self._temporary()):
            shutil.rmtree(place, ignore_errors=True)

    def remove_cluster(self) -> None:
        """Forget the cluster, wherever it is."""
        shutil.rmtree(self.cluster.resolve(), ignore_errors=True)

    def _temporary(self) -> Path:
        return Path(tempfile.gettempdir()) / f"astrotv-{os.getuid()}-{self._digest()}"

    def _digest(self) -> str:
        return hashlib.sha256(os.fsencode(self.path.resolve())).hexdigest()[:12]

    def write_state(self, environ: Mapping[str, str]) -> None:
        """Tell other commands how to reach the servers that run now."""
        fresh = self.state.with_suffix(".new")
        fresh.write_text(json.dumps({"pid": os.getpid(), "environment": dict(environ)}))
        fresh.chmod(0o600)
        fresh.replace(self.state)

    def read_state(self) -> dict[str, str] | None:
        """Return the addresses of the servers that run now, or None while they are starting."""
        try:
            environment: dict[str, str] = json.loads(self.state.read_text())["environment"]
        except (FileNotFoundError, ValueError):
            return None
        return environment


def _outside(name: str) -> Path:
    """Make a folder for what PostgreSQL's account cannot reach inside the data folder."""
    OUTSIDE.mkdir(parents=True, exist_ok=True)
    OUTSIDE.chmod(0o711)
    (OUTSIDE / name).mkdir(mode=0o700, exist_ok=True)
    return OUTSIDE / name


def _holds_sockets(folder: Path) -> bool:
    probe = folder / SOCKET_NAME.replace("5432", "0000")
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            listener.bind(str(probe))
        except OSError:
            return False
        finally:
            probe.unlink(missing_ok=True)
    return True


def _private(folder: Path) -> Path:
    """Make a folder in the shared temporary place; refuse one that somebody else has put there."""
    folder.mkdir(mode=0o700, exist_ok=True)
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid():
        raise EmbeddedError(f"{folder} belongs to somebody else; set DATA_DIR to a folder with a shorter path")
    return folder
