"""The environment of a stack: what the operator has set, completed by the embedded default."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from embedded.errors import EmbeddedError, FolderBusy
from embedded.ffmpeg import embedded_binary
from embedded.folder import DataFolder
from embedded.postgres import APPLICATION, Postgres
from embedded.redis import RedisServer
from embedded.secrets import kept_secrets

FIND_PATIENCE_S = 60.0
POLL_S = 0.05


class Servers:
    """The embedded servers of one data folder; none where the environment names another."""

    def __init__(self, folder: DataFolder, environ: Mapping[str, str], *, durable: bool = True) -> None:
        self.environment = _with_defaults(folder, environ)
        self.postgres: Postgres | None = None
        self.redis: RedisServer | None = None
        self._folder = folder
        self._keeps_state = _needs_folder(environ)
        self._addresses: dict[str, str] = {}
        if _embeds_any(environ):
            self._place(folder.make_sockets(), durable)
        self.environment |= self._addresses

    def _place(self, sockets: Path, durable: bool) -> None:
        if "DATABASE_URL" not in self.environment:
            self.postgres = Postgres(self._folder, sockets, durable=durable)
            self._addresses["DATABASE_URL"] = self.postgres.url(user=APPLICATION)
            self._addresses["DATABASE_OWNER_URL"] = self.postgres.url()
        if "REDIS_URL" not in self.environment:
            self.redis = RedisServer(self._folder, sockets, durable=durable)
            self._addresses["REDIS_URL"] = self.redis.url

    def start(self) -> None:
        """Start the servers, and let other commands find them; raises EmbeddedError."""
        for server in (self.redis, self.postgres):
            if server is not None:
                server.start()
        if self._keeps_state:
            self._folder.write_state(self._addresses)

    @property
    def remark(self) -> str:
        """What an operator would not expect of where things are; empty when all is in the folder."""
        cluster = self._folder.cluster
        if self.postgres is None or not cluster.is_symlink():
            return ""
        return f"PostgreSQL's account cannot reach {self._folder.path}: its files are in {cluster.resolve()}"

    def restart_dead(self, name: str) -> bool:
        """Start `redis` or `postgres` again if it has died by itself; say whether it had. Raises EmbeddedError."""
        server = {"redis": self.redis, "postgres": self.postgres}[name]
        if server is None or server.alive():
            return False
        server.start()
        return True

    def stop(self) -> None:
        """Stop the servers, PostgreSQL last: it holds what must not be lost."""
        if self._keeps_state:
            self._folder.state.unlink(missing_ok=True)
        for server in (self.redis, self.postgres):
            if server is not None:
                server.stop()


@contextmanager
def opened(data_dir: Path, environ: Mapping[str, str], *, durable: bool = True) -> Iterator[Servers]:
    """Hold a data folder and yield its servers, not yet started; stops them at the end.

    Their addresses are in `environment` already, so that settings can be checked before anything
    runs. `durable=False` is for tests: quick, and the cluster is gone afterwards. Raises
    EmbeddedError, and FolderBusy when another process holds the folder.
    """
    environ = _set(environ)
    folder = DataFolder(data_dir)
    with ExitStack() as stack:
        if _needs_folder(environ):
            folder.make()
            stack.enter_context(folder.locked())
            folder.state.unlink(missing_ok=True)
        servers = Servers(folder, environ, durable=durable)
        if servers.postgres is not None and not durable:
            stack.callback(folder.remove_cluster)
        if _embeds_any(environ):
            stack.callback(folder.remove_sockets)
        stack.callback(servers.stop)
        yield servers


@contextmanager
def servers(
    data_dir: Path, environ: Mapping[str, str] = os.environ, *, durable: bool = True
) -> Iterator[dict[str, str]]:
    """Run the embedded servers and yield the completed environment; what is set stays as it is."""
    with opened(data_dir, environ, durable=durable) as held:
        held.start()
        yield held.environment


@contextmanager
def attached(data_dir: Path, environ: Mapping[str, str] = os.environ) -> Iterator[dict[str, str]]:
    """Yield the environment of the stack that runs in this folder, or run its servers meanwhile."""
    with ExitStack() as stack:
        try:
            environment = stack.enter_context(servers(data_dir, environ))
        except FolderBusy:
            environment = _found(DataFolder(data_dir), _set(environ))
        yield environment


def _found(folder: DataFolder, environ: Mapping[str, str]) -> dict[str, str]:
    deadline = time.monotonic() + FIND_PATIENCE_S
    while (addresses := folder.read_state()) is None:
        if time.monotonic() > deadline:
            raise EmbeddedError(f"DATA_DIR: the AstroTV in {folder.path} does not finish starting")
        time.sleep(POLL_S)
    return addresses | _with_defaults(folder, environ)


def _set(environ: Mapping[str, str]) -> dict[str, str]:
    """Leave out what is set to nothing: it counts as not set."""
    return {name: value for name, value in environ.items() if value != ""}


def _with_defaults(folder: DataFolder, environ: Mapping[str, str]) -> dict[str, str]:
    """Complete what needs no server: folder, ffmpeg and, outside production, the kept secrets."""
    environment = dict(environ) | {"DATA_DIR": str(folder.path)}
    if "FFMPEG_BINARY" not in environment:
        environment["FFMPEG_BINARY"] = embedded_binary()
    if _production(environ):
        return environment
    return kept_secrets(folder.path) | environment


def _needs_folder(environ: Mapping[str, str]) -> bool:
    return _embeds_any(environ) or not _production(environ)


def _embeds_any(environ: Mapping[str, str]) -> bool:
    return "DATABASE_URL" not in environ or "REDIS_URL" not in environ


def _production(environ: Mapping[str, str]) -> bool:
    return environ.get("ASTROTV_ENV") == "production"
