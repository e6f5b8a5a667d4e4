"""Somebody who talks in a room of a stack, and knows what was acknowledged."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any
from uuid import uuid4

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from tests.e2e.stack import Stack


@contextmanager
def at_work(*people: Callable[[threading.Event], None]) -> Iterator[None]:
    """People who go on until the block ends."""
    done = threading.Event()
    threads = [threading.Thread(target=person, args=(done,)) for person in people]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()


class Talker:
    """Somebody who talks in a room and comes back whenever the server goes away, as the protocol tells clients to."""

    def __init__(self, stack: Stack) -> None:
        self._stack, self._token = stack, stack.sign_in("viewer")
        self.nickname = stack.call("GET", "/api/auth/me", stack.sign_in("streamer"))["username"]
        self._name, self._numbers, self._unsure = uuid4().hex[:8], count(), ""
        self.acknowledged: dict[str, str] = {}
        self.visits = self.farewells = 0
        self.refusals: list[Any] = []

    def talk(self, done: threading.Event) -> None:
        while not done.is_set():
            try:
                self._visit(done)
            except (WebSocketException, OSError, TimeoutError):
                done.wait(0.2)

    def has_said(self, number: int) -> bool:
        """Whether more messages than this were acknowledged."""
        return len(self.acknowledged) > number

    def missed_since(self, message_id: str) -> list[Any]:
        """All that was said after a message, as somebody is told who comes back."""
        with self._connected() as socket:
            return list(self._ask(socket, type="join", streamerNickname=self.nickname, since=message_id)["messages"])

    def _visit(self, done: threading.Event) -> None:
        with self._connected() as socket:
            self._ask(socket, type="join", streamerNickname=self.nickname)
            self.visits += 1
            while not done.wait(0.55):  # an account may say 20 in 10 s
                self._say(socket)

    def _say(self, socket: ClientConnection) -> None:
        """Say the next thing, or again what no answer came to: with the same id, so that it is stored once."""
        self._unsure = self._unsure or f"{self._name}-{next(self._numbers)}"
        answer = self._ask(socket, type="chat", text=self._unsure, clientMessageId=self._unsure)
        if answer["type"] == "ack":
            self.acknowledged[answer["message"]["id"]] = self._unsure
            self._unsure = ""
        else:
            self.refusals.append(answer)

    def _connected(self) -> ClientConnection:
        return connect(f"{self._stack.realtime_url}/ws?token={self._token}", open_timeout=10)

    def _ask(self, socket: ClientConnection, **command: Any) -> Any:
        asked = str(time.monotonic_ns())
        socket.send(json.dumps(command | {"id": asked}))
        while True:
            heard = json.loads(socket.recv(timeout=10))
            self.farewells += heard["type"] == "server_going_away"
            if heard.get("id") == asked:
                return heard
