"""The people of a soak: each kind does one thing over and over, and counts what became of it."""

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import requests

from tests.e2e.stack import Stack

TIMEOUT_S = 20
PASSWORD = "a long enough password"
_IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
Deed = Callable[["Person", int], None]


class Person:
    """An account of its own, and what it was answered."""

    _numbers = count()

    def __init__(self, stack: Stack, token: str | None = None) -> None:
        self.stack = stack
        self.answers: Counter[str] = Counter()
        self.session = requests.Session()
        self.name = f"soak_{next(self._numbers)}"
        self.token = token or self._register()

    def call(self, method: str, path: str, *, fine: tuple[int, ...] = (), **rest: Any) -> Any:
        """The data of an answer; None for a refusal that is fine (503 and 429 always are)."""
        headers = {"Authorization": f"Bearer {self.token}"}
        try:
            answer = self.session.request(method, self.stack.url + path, headers=headers, timeout=TIMEOUT_S, **rest)
        except requests.RequestException as error:
            self.answers[f"broken {type(error).__name__}"] += 1
            return None
        if answer.ok:
            self.answers["ok"] += 1
            return answer.json()["data"]
        known = answer.status_code in (429, 503, *fine)
        where = _IDS.sub("{id}", path.split("?")[0])
        self.answers[f"{'refused' if known else 'WRONG'} {answer.status_code} {method} {where}"] += 1
        return None

    def _register(self) -> str:
        body = {"email": f"{self.name}@example.com", "username": self.name, "password": PASSWORD}
        answer = self.session.post(f"{self.stack.url}/api/auth/register", json=body, timeout=TIMEOUT_S)
        answer.raise_for_status()
        return str(answer.json()["data"]["token"])


class Crowd:
    """Threads that do their deeds until they are told to stop."""

    def __init__(self, pause_s: float = 0.05) -> None:
        self._done, self._pause_s = threading.Event(), pause_s
        self._threads: list[threading.Thread] = []
        self.people: dict[str, list[Person]] = {}

    def add(self, kind: str, person: Person, deed: Deed) -> None:
        """Let a person do a deed over and over, beginning with the crowd."""
        self.people.setdefault(kind, []).append(person)
        self._threads.append(threading.Thread(target=self._live, args=(person, deed), name=kind))

    @contextmanager
    def at_work(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._done.set()
            for thread in self._threads:
                thread.join()

    def answers(self) -> dict[str, Counter[str]]:
        """What each kind of people was answered."""
        return {kind: sum((p.answers for p in people), Counter()) for kind, people in self.people.items()}

    def _live(self, person: Person, deed: Deed) -> None:
        for number in count():
            if self._done.wait(self._pause_s):
                return
            deed(person, number)
