"""What a measurement of chat stands on: stores of its own, rooms with people in them, realtime processes."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from uuid import UUID

import msgspec

import bootstrap
import embedded
import settings as configuration
from bench.ports import free_port
from db.connection import connection, query
from db.migrate import migrate
from services import channels, clock, sessions
from services.ids import new_id
from services.sessions import Device

ROOT = Path(__file__).parents[2]
PEOPLE = """INSERT INTO users (id, email, username, name, password_hash, role)
            SELECT u.id, u.username || '@example.com', u.username, u.username, 'x', u.role
            FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS u (id, username, role)"""
STREAM = "INSERT INTO streams (id, channel_id, title, status, started_at) VALUES (%s, %s, 'Bench', 'LIVE', %s)"
READY_S = 20


class Audience(msgspec.Struct, frozen=True):
    """Live streams, and people who may write in their chats: names of rooms, ids, tokens."""

    rooms: list[str]
    room_ids: list[UUID]
    people: list[UUID]
    tokens: list[str]


@contextlib.contextmanager
def stores(folder: Path) -> Iterator[dict[str, str]]:
    """PostgreSQL and Redis of this run's own, and this process opened on them."""
    quiet = {"LOG_LEVEL": "error", "DATA_DIR": str(folder / "data"), "WS_MAX_CONNECTIONS_PER_ADDRESS": "100000"}
    kept = {name: value for name, value in os.environ.items() if name not in configuration.NAMES}
    with embedded.servers(folder / "data", kept | quiet) as environment:
        migrate(environment["DATABASE_OWNER_URL"])
        bootstrap.start("bench", configuration.load(environment))
        yield dict(environment)
        bootstrap.stop()


def audience(rooms: int, people: int, *, signed_in: bool = True) -> Audience:
    """Make so many live streams and people; tokens only for those who are to be `signed_in`."""
    streamers, viewers = [new_id() for _ in range(rooms)], [new_id() for _ in range(people)]
    ids, streams = [*streamers, *viewers], [new_id() for _ in range(rooms)]
    names = [f"person_{person.hex[-12:]}" for person in ids]
    with connection():
        query(PEOPLE, (ids, names, ["streamer"] * rooms + ["viewer"] * people))
        made = [channels.create_channel(streamer) for streamer in streamers]
        for stream, channel_id in zip(streams, made, strict=True):
            query(STREAM, (stream, channel_id, clock.now()))
        room_of = dict(query("SELECT id, room_id FROM channels WHERE id = ANY (%s::uuid[])", (made,)))
        tokens = [sessions.open_session(person, Device()).access_token for person in viewers] if signed_in else []
    return Audience([f"stream:{stream}" for stream in streams], [room_of[made_id] for made_id in made], viewers, tokens)


@contextlib.contextmanager
def processes(
    count: int, environment: Mapping[str, str], command: Sequence[str] = (sys.executable, "-m", "realtime")
) -> Iterator[tuple[list[int], list[int]]]:
    """So many realtime processes on ports of their own; gives the ports and the process ids."""
    ports = [free_port() for _ in range(count)]
    running = [subprocess.Popen(command, cwd=ROOT, env={**environment, "REALTIME_PORT": str(port)}) for port in ports]
    try:
        for port in ports:
            wait_until_ready(port)
        yield ports, [process.pid for process in running]
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
        for process in running:
            process.wait(60)


def wait_until_ready(port: int) -> None:
    """Wait for a realtime process to answer; raises TimeoutError."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1):
            return
        time.sleep(0.05)
    raise TimeoutError("the realtime process does not answer")
