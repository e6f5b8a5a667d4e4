"""What other processes publish: one connection to Redis that hears the topics this process needs.

Raw RESP parsed by hiredis, because a client library's per-message work halves the rate; all
messages of one read are handed on together, so that they can be written together.
"""

import asyncio
import random
import ssl
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

import hiredis
import structlog

log = structlog.get_logger(__name__)

Heard = list[tuple[bytes, bytes]]  # topic and payload, in order

PULSE_S = 5
CONFIRMATION_S = 2
BACKOFF_S = (0.05, 0.1, 0.2, 0.5, 1, 2)


def command(*words: str) -> bytes:
    """A command in RESP, https://redis.io/docs/latest/develop/reference/protocol-spec/."""
    parts = [word.encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)


class Relay:
    """Subscriptions that survive the loss of Redis: they are made again, and `restored` is called."""

    def __init__(self, url: str, hear: Callable[[Heard], None], restored: Callable[[], None]) -> None:
        self._url, self._hear, self._restored = url, hear, restored
        self._topics: set[str] = set()
        self._unconfirmed: dict[str, int] = {}
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}
        self._line: _Line | None = None
        self._is_restoring = False

    @property
    def is_connected(self) -> bool:
        return self._line is not None

    async def run(self) -> None:
        """Stay connected until cancelled."""
        attempt = 0
        while True:
            try:
                line = await _connect(self._url, self._replied)
            except OSError as error:
                log.warning("redis_away", error=str(error))
            else:
                attempt = 0
                await self._serve(line)
                log.warning("redis_lost")
            pause_s = BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)]
            attempt += 1
            await asyncio.sleep(pause_s * random.uniform(0.75, 1.25))  # noqa: S311 - spreads load, keeps no secret

    async def subscribe(self, topic: str) -> None:
        """Hear a topic; returns once Redis confirmed it, or after CONFIRMATION_S without Redis."""
        if topic not in self._topics:
            self._topics.add(topic)
            self._ask("SUBSCRIBE", [topic])
        elif topic not in self._unconfirmed and self._line:
            return
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(topic, []).append(confirmed)
        await asyncio.wait([confirmed], timeout=CONFIRMATION_S)

    def unsubscribe(self, topic: str) -> None:
        """Hear a topic no longer."""
        if topic in self._topics:
            self._topics.discard(topic)
            self._ask("UNSUBSCRIBE", [topic])

    async def _serve(self, line: "_Line") -> None:
        self._line = line
        self._unconfirmed.clear()
        self._is_restoring = True
        self._ask("SUBSCRIBE", sorted(self._topics))
        try:
            await line.until_lost()
        finally:
            self._line = None

    def _ask(self, verb: str, topics: list[str]) -> None:
        if not self._line or not topics:
            return
        for topic in topics:
            self._unconfirmed[topic] = self._unconfirmed.get(topic, 0) + 1
        self._line.write(command(verb, *topics))

    def _replied(self, replies: list[Any]) -> None:
        heard: Heard = []
        for reply in replies:
            kind = reply[0] if isinstance(reply, list) else reply
            if kind == b"message":
                heard.append((reply[1], reply[2]))
            elif kind in (b"subscribe", b"unsubscribe"):
                self._confirmed(reply[1].decode())
            elif isinstance(reply, hiredis.HiredisError):
                log.error("redis_refused", error=str(reply))
        if heard:
            self._hear(heard)

    def _confirmed(self, topic: str) -> None:
        left = self._unconfirmed.pop(topic, 0) - 1
        if left > 0:
            self._unconfirmed[topic] = left
            return
        for future in self._waiting.pop(topic, []):
            if not future.done():
                future.set_result(None)
        if self._is_restoring and not self._unconfirmed:
            self._is_restoring = False
            self._restored()


class _Line(asyncio.Protocol):
    """One connection to Redis; a silent one is given up."""

    def __init__(self, replied: Callable[[list[Any]], None]) -> None:
        self._reader = hiredis.Reader()
        self._replied = replied
        self._loop = asyncio.get_running_loop()
        self._lost: asyncio.Future[None] = self._loop.create_future()
        self._heard_at = self._loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        self._reader.feed(data)
        replies = []
        while (reply := self._reader.gets()) is not False:
            replies.append(reply)
        self._replied(replies)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._lost.done():
            self._lost.set_result(None)

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    async def until_lost(self) -> None:
        """Wait for the end of the connection; asks for a pulse, and cuts it when there is none."""
        try:
            while not self._lost.done():
                await asyncio.wait([self._lost], timeout=PULSE_S)
                if self._loop.time() - self._heard_at > 2 * PULSE_S:
                    return
                if not self._lost.done():
                    self.write(command("PING"))
        finally:
            self._transport.abort()


async def _connect(url: str, replied: Callable[[list[Any]], None]) -> _Line:
    """Open and sign in to the Redis that a `redis:`, `rediss:` or `unix:` URL names; raises OSError."""
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    if parts.scheme == "unix":
        opening = loop.create_unix_connection(lambda: _Line(replied), unquote(parts.path))
    else:
        context = ssl.create_default_context() if parts.scheme == "rediss" else None
        opening = loop.create_connection(
            lambda: _Line(replied), parts.hostname or "localhost", parts.port or 6379, ssl=context
        )
    _, line = await asyncio.wait_for(opening, PULSE_S)
    if credentials := _credentials(url):
        line.write(command("AUTH", *credentials))
    return line


def _credentials(url: str) -> list[str]:
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    username = unquote(parts.username or "") or query.get("username", [""])[0]
    password = unquote(parts.password or "") or query.get("password", [""])[0]
    return [word for word in (username, password) if password and word]
