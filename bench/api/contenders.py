"""Who is measured: AstroTV under gunicorn and granian as production starts it, and Express in two manners."""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec

from bench.chat.stage import ROOT
from bench.ports import READY_S, free_port, wait_until_listening

PEERS = Path(__file__).parent / "peers"
PACKAGES = ("express@5", "pg@8", "ioredis@5", "jsonwebtoken@9", "bcrypt@6")
PRISMA = ("prisma@7", "@prisma/client@7", "@prisma/adapter-pg@7")

GUNICORN, GRANIAN, EXPRESS_SQL, EXPRESS_PRISMA = "gunicorn", "granian", "express-sql", "express-prisma"


class Contender(msgspec.Struct, frozen=True):
    """A server that runs: its name, port and process."""

    name: str
    port: int
    pid: int


def known() -> list[str]:
    """Who can be measured here; granian where it is installed."""
    return [GUNICORN, *([GRANIAN] if importlib.util.find_spec("granian") else []), EXPRESS_SQL, EXPRESS_PRISMA]


@contextlib.contextmanager
def running(names: Sequence[str], environment: Mapping[str, str], folder: Path) -> Iterator[list[Contender]]:
    """All of them at once, each with two processes on a port of its own; an idle one costs nothing."""
    with contextlib.ExitStack() as stack:
        modules = _node_modules(folder) if any(name.startswith("express") for name in names) else ""
        node = {"NODE_PATH": modules, "NODE_ENV": "production", **_peers_environment(environment)}
        surroundings = {**environment, **node}
        yield [stack.enter_context(_one(name, surroundings, folder)) for name in names]


@contextlib.contextmanager
def _one(name: str, environment: Mapping[str, str], folder: Path) -> Iterator[Contender]:
    port = free_port()
    with (folder / f"{name}.log").open("wb") as log:
        server = subprocess.Popen(
            _command(name, port),
            cwd=ROOT,
            env={**environment, "PORT": str(port), "API_WORKERS": "2"},
            stdout=log,
            stderr=log,
        )
    try:
        wait_until_listening(port)
        _wait_until_answering(port)
        yield Contender(name, port, server.pid)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def _wait_until_answering(port: int) -> None:
    """gunicorn's master listens before its workers have loaded the application."""
    with contextlib.suppress(urllib.error.HTTPError):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/api/categories", timeout=READY_S).close()


def _command(name: str, port: int) -> list[str]:
    if name == GUNICORN:
        return [sys.executable, "-m", "gunicorn", "--config", "api/gunicorn_conf.py", "api.wsgi:app"]
    if name == GRANIAN:
        return [sys.executable, "-m", "api.fast"]
    return ["node", str(PEERS / "express.js"), str(port), name.removeprefix("express-")]


def _peers_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Where PostgreSQL and Redis are, in the words of Node's drivers."""
    database, redis = urlsplit(environment["DATABASE_OWNER_URL"]), urlsplit(environment["REDIS_URL"])
    return {
        "PG_HOST": parse_qs(database.query)["host"][0],
        "PG_USER": database.username or "",
        "PG_DATABASE": database.path.strip("/"),
        "REDIS_PATH": redis.path,
    }


def _node_modules(folder: Path) -> str:
    """Where the peers' packages are: NODE_PATH where it is set, or else installed for this run."""
    if set_already := os.environ.get("NODE_PATH"):
        return set_already
    for part in ("prisma", "prisma.config.mjs"):
        source, target = PEERS / part, folder / part
        shutil.copytree(source, target, dirs_exist_ok=True) if source.is_dir() else shutil.copy(source, target)
    quiet = ["--no-audit", "--no-fund", "--silent", "--ignore-scripts", "--prefix", str(folder)]
    subprocess.run(["npm", "install", *quiet, *PACKAGES, *PRISMA], check=True, timeout=300)
    # Its engine for migrations is not needed, and would be downloaded.
    without_engine = {**os.environ, "PRISMA_SCHEMA_ENGINE_BINARY": "/bin/true"}
    subprocess.run(["npx", "prisma", "generate"], cwd=folder, env=without_engine, check=True, timeout=300)
    return str(folder / "node_modules")
