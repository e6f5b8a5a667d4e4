"""Real realtime processes for tests, and a client that waits for what it expects to hear."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import psutil
from websockets.asyncio.client import ClientConnection, connect

from settings import Settings

ROOT = Path(__file__).parents[2]
LIMIT_S = 60

Event = dict[str, Any]
T = TypeVar("T")


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """One `python -m realtime` on a port of its own."""

    def __init__(self, settings: Settings, *arguments: str, **environment: str) -> None:
        self.port = int(environment.get("REALTIME_PORT") or free_port())
        self.url = f"ws://127.0.0.1:{self.port}"
        own = {
            "DATABASE_URL": settings.database_url,
            "DATABASE_OWNER_URL": settings.database_owner_url,
            "REDIS_URL": settings.redis_url,
            "REALTIME_PORT": str(self.port),
            "REALTIME_HOST": "127.0.0.1",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "realtime", *arguments],
            cwd=ROOT,
            env=os.environ | own | environment,
            stderr=subprocess.PIPE,
        )

    def wait_until_ready(self) -> None:
        """Return when it answers; fails where it ends instead."""
        wait_for(self._answers, "the realtime process to answer")

    def terminate(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()

    def wait(self, limit_s: float = LIMIT_S) -> int:
        """Its exit status."""
        return self._process.wait(limit_s)

    def stop(self) -> None:
        """End it, whatever it does."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(LIMIT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        assert self._process.stderr is not None
        self._process.stderr.close()

    def memory(self) -> int:
        """Its resident bytes."""
        return int(psutil.Process(self._process.pid).memory_info().rss)

    def stderr(self) -> str:
        """What it said to standard error until its end."""
        assert self._process.stderr is not None
        return self._process.stderr.read().decode()

    def _answers(self) -> bool:
        assert self._process.poll() is None, self.stderr()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=1) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def wait_for(is_so: Callable[[], bool], what: str, limit_s: float = LIMIT_S) -> None:
    """Wait for a condition outside of any event loop."""
    deadline = monotonic() + limit_s
    pause = threading.Event()
    while not is_so():
        assert monotonic() < deadline, f"waited in vain for {what}"
        pause.wait(0.05)


class Person:
    """A client of `/ws` that keeps what it heard."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.heard: list[Event] = []
        self._numbers = iter(range(1, 10**6))

    async def say(self, type: str, **fields: Any) -> None:
        """Send a message and expect no answer."""
        await self.socket.send(json.dumps({"type": type, **fields}))

    async def ask(self, type: str, **fields: Any) -> Event:
        """Send a message and wait for its answer."""
        ref = f"ref-{next(self._numbers)}"
        await self.say(type, id=ref, **fields)
        return await self.hear(lambda event: event.get("id") == ref)

    async def hear(self, wanted: Callable[[Event], bool], limit_s: float = LIMIT_S) -> Event:
        """The next event that is wanted; those before it are kept in `heard`."""
        async with asyncio.timeout(limit_s):
            while True:
                event: Event = json.loads(await self.socket.recv())
                self.heard.append(event)
                if wanted(event):
                    return event

    async def hear_type(self, type: str) -> Event:
        return await self.hear(lambda event: event["type"] == type)

    async def hear_text(self, text: str) -> Event:
        """The next message with these words, unless it was heard already."""
        for event in self.messages():
            if event["text"] == text:
                return event
        return await self.hear(lambda event: event["type"] == "new_message" and event["text"] == text)

    def messages(self) -> list[Event]:
        """The messages heard live so far."""
        return [event for event in self.heard if event["type"] == "new_message"]


class Crowd:
    """The people of one scene, who all leave at its end."""

    def __init__(self) -> None:
        self._people: list[Person] = []

    async def person(self, process: Process, path: str = "/ws", **options: Any) -> Person:
        """Somebody connects."""
        person = Person(await connect(process.url + path, compression=None, **options))
        self._people.append(person)
        return person

    async def leave(self) -> None:
        await asyncio.gather(*(person.socket.close() for person in self._people))


def play(scene: Callable[[Crowd], Awaitable[T]]) -> T:
    """Run a scene to its end."""

    async def played() -> T:
        crowd = Crowd()
        try:
            return await scene(crowd)
        finally:
            await crowd.leave()

    return asyncio.run(played())
