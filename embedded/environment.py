"""The environment of a stack: what the operator has set, completed by the embedded default."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from embedded.errors import EmbeddedError, FolderBusy
from embedded.ffmpeg import embedded_binary
from embedded.folder import DataFolder
from embedded.postgres import Postgres
from embedded.redis import RedisServer
from embedded.secrets import kept_secrets

DEFAULT_FOLDER = ".astrotv"
FIND_PATIENCE_S = 60.0
POLL_S = 0.05


class Servers:
    """The embedded servers of one data folder that the environment does not replace by its own."""

    def __init__(self, folder: DataFolder, environ: Mapping[str, str], *, durable: bool) -> None:
        self.environment = dict(environ)
        self.postgres: Postgres | None = None
        self.redis: RedisServer | None = None
        if _embeds_any(environ):
            sockets = folder.make_sockets()
            if "DATABASE_URL" not in environ:
                self.postgres = Postgres(folder, sockets, durable=durable)
            if "REDIS_URL" not in environ:
                self.redis = RedisServer(folder, sockets, durable=durable)

    def start(self) -> None:
        """Start the servers and add their addresses to the environment."""
        if self.redis is not None:
            self.redis.start()
            self.environment["REDIS_URL"] = self.redis.url
        if self.postgres is not None:
            self.postgres.start()
            self.environment["DATABASE_URL"] = self.postgres.url()

    def restart_dead(self) -> list[str]:
        """Start again what has died by itself; return the names."""
        revived = []
        for name, server in (("redis", self.redis), ("postgres", self.postgres)):
            if server is not None and not server.alive():
                server.start()
                revived.append(name)
        return revived

    def stop(self) -> None:
        """Stop the servers, Redis first: PostgreSQL holds what must not be lost."""
        for server in (self.redis, self.postgres):
            if server is not None:
                server.stop()


@contextmanager
def running(data_dir: Path, environ: Mapping[str, str] = os.environ, *, durable: bool = True) -> Iterator[Servers]:
    """Run the embedded servers of a data folder; raises EmbeddedError, FolderBusy among them."""
    completed = {name: value for name, value in environ.items() if value != ""}
    folder = DataFolder(data_dir)
    with ExitStack() as stack:
        if _needs_folder(completed):
            folder.make()
            stack.enter_context(folder.locked())
            folder.state.unlink(missing_ok=True)
        servers = Servers(folder, _with_defaults(folder, completed), durable=durable)
        stack.callback(servers.stop)
        servers.start()
        if _needs_folder(completed):
            stack.callback(folder.state.unlink, missing_ok=True)
            folder.write_state(_addresses(servers.environment))
        yield servers


@contextmanager
def servers(
    data_dir: Path, environ: Mapping[str, str] = os.environ, *, durable: bool = True
) -> Iterator[dict[str, str]]:
    """Run the embedded servers and yield the completed environment; what is set stays as it is."""
    with running(data_dir, environ, durable=durable) as started:
        yield started.environment


@contextmanager
def attached(data_dir: Path, environ: Mapping[str, str] = os.environ) -> Iterator[dict[str, str]]:
    """Yield the environment of the stack that runs in this folder, or run its servers meanwhile."""
    try:
        with servers(data_dir, environ) as environment:
            yield environment
            return
    except FolderBusy:
        pass
    yield _found(DataFolder(data_dir), {name: value for name, value in environ.items() if value != ""})


def _found(folder: DataFolder, environ: dict[str, str]) -> dict[str, str]:
    deadline = time.monotonic() + FIND_PATIENCE_S
    while (addresses := folder.read_state()) is None:
        if time.monotonic() > deadline:
            raise EmbeddedError(f"DATA_DIR: the AstroTV in {folder.path} does not finish starting")
        time.sleep(POLL_S)
    return addresses | _with_defaults(folder, environ)


def _with_defaults(folder: DataFolder, environ: Mapping[str, str]) -> dict[str, str]:
    """Complete what needs no server: folder, ffmpeg and, outside production, the kept secrets."""
    environment = {"DATA_DIR": str(folder.path)} | dict(environ)
    environment["DATA_DIR"] = str(folder.path)
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


def _addresses(environment: Mapping[str, str]) -> dict[str, str]:
    names = ("DATABASE_URL", "REDIS_URL")
    return {name: environment[name] for name in names if name in environment}
