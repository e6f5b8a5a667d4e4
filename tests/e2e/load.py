"""People at work on a stack while parts of it are torn away, and what they need to find the parts."""

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from uuid import uuid4

import psutil
import requests
from requests.adapters import HTTPAdapter

from services.idempotency import ABANDONED_AFTER_S
from tests.e2e.stack import Stack, until

#: Where nothing else is at work; a machine that others keep busy takes as much longer as they take of it.
RECOVERS_WITHIN_S = 10.0 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
WRITERS = 3
NO_LIMIT = {"RATE_LIMIT_DEFAULT": "1000000/15minutes", "RATE_LIMIT_AUTH": "1000000/15minutes"}


class Load:
    """People who post all the time, and what became of each try."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._headers = {"Authorization": f"Bearer {stack.sign_in('viewer')}"}
        self._numbers, self._lock, self._done = count(), threading.Lock(), threading.Event()
        self.acknowledged: dict[str, str] = {}
        self.refusals: Counter[int] = Counter()
        self.unclean: list[str] = []
        self.cut = 0
        self.slowest_s = 0.0
        self.last_success_at = 0.0

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Post until the block ends."""
        threads = [threading.Thread(target=self._post_on) for _ in range(WRITERS)]
        for thread in threads:
            thread.start()
        try:
            until(lambda: len(self.acknowledged) > 2 * WRITERS)
            yield
        finally:
            self._done.set()
            for thread in threads:
                thread.join()

    def recovered(self) -> None:
        """Wait until a post that began after this moment is acknowledged; fails the test when that takes too long."""
        fault_at = time.monotonic()
        until(lambda: self.last_success_at > fault_at + 0.5, RECOVERS_WITHIN_S, lambda: self.refusals)

    def nothing_is_lost(self) -> None:
        """Everything acknowledged can be read, word for word; every refusal was a clean one."""
        assert not self.unclean, (
            self.unclean[:3],
            self._stack.lines_of("request_failed")[-3:] + self._stack.lines_of("could not be handled")[-3:],
        )
        with requests.Session() as line, ThreadPoolExecutor(WRITERS) as pool:
            line.mount("http://", HTTPAdapter(pool_maxsize=WRITERS))
            for text, found in zip(
                self.acknowledged.values(), pool.map(partial(self._text_of, line), self.acknowledged), strict=True
            ):
                assert found == text

    def _text_of(self, line: requests.Session, post_id: str) -> str:
        answer = line.get(f"{self._stack.url}/api/content/posts/{post_id}", timeout=60)
        assert answer.ok, answer.text
        return str(answer.json()["data"]["text"])

    def _post_on(self) -> None:
        while not self._done.is_set():
            self._post(f"post {next(self._numbers)}")

    def _post(self, text: str) -> None:
        began_at = time.monotonic()
        try:
            answer = requests.post(
                f"{self._stack.url}/api/content/posts", json={"text": text}, headers=self._headers, timeout=30
            )
        except requests.RequestException:
            self.cut += 1
            self._done.wait(0.05)
            return
        with self._lock:
            self.slowest_s = max(self.slowest_s, time.monotonic() - began_at)
            self._note(answer, text, began_at)

    def _note(self, answer: requests.Response, text: str, began_at: float) -> None:
        if answer.status_code == 201:
            self.acknowledged[answer.json()["data"]["id"]] = text
            self.last_success_at = max(self.last_success_at, began_at)
            return
        self.refusals[answer.status_code] += 1
        if answer.status_code != 503 or "Retry-After" not in answer.headers or answer.json()["success"]:
            self.unclean.append(f"{answer.status_code} {answer.text[:200]}")


class Asking:
    """Somebody who asks one question after the other, and repeats each under its key until it is answered."""

    def __init__(self, stack: Stack, session_id: str) -> None:
        self._stack, self._session_id = stack, session_id
        self._headers = {"Authorization": f"Bearer {stack.sign_in('viewer')}"}
        self._done = threading.Event()
        self.settled: dict[str, str] = {}
        self.repeated = 0
        self._busy_since = 0.0

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Ask until the block ends; whatever is open then is repeated until it is settled."""
        thread = threading.Thread(target=self._ask_on)
        thread.start()
        try:
            until(lambda: len(self.settled) > 2)
            yield
        finally:
            self._done.set()
            thread.join()

    def has_settled(self, enough: int) -> bool:
        """Whether so many questions are settled."""
        return len(self.settled) >= enough

    def _ask_on(self) -> None:
        while not self._done.is_set():
            text = f"question {uuid4()}"
            self._busy_since = time.monotonic()
            self.settled[text] = str(until(partial(self._ask, text), 60))

    def _ask(self, text: str) -> str | None:
        """The id of the question, or that its answer is lost; None where it is to be repeated."""
        body = {"sessionId": self._session_id, "text": text}
        try:
            answer = requests.post(
                f"{self._stack.url}/api/questions",
                json=body,
                headers=self._headers | {"Idempotency-Key": text},
                timeout=30,
            )
        except requests.RequestException:
            self.repeated += 1
            return None
        if answer.status_code == 201:
            return str(answer.json()["data"]["id"])
        if answer.json()["code"] != "request_in_progress":
            self._busy_since = time.monotonic()
        is_lost = time.monotonic() - self._busy_since > ABANDONED_AFTER_S + 3
        return "its effect is there, its answer is not" if is_lost else None


def open_session(stack: Stack) -> str:
    """A new session of a new event, where questions may be asked; its id."""
    admin = stack.sign_in("admin")
    times = {"startTime": "2030-05-01T18:00:00Z", "endTime": "2030-05-01T20:00:00Z"}
    project = stack.call("POST", "/api/projects", admin, json={"name": "Under load", "status": "LIVE"})
    event = {"projectId": project["id"], "title": "Under load", "status": "LIVE", **times}
    made = stack.call("POST", "/api/events", admin, json=event)
    session = stack.call("POST", "/api/sessions", admin, json={"eventId": made["id"], "title": "Under load", **times})
    return str(session["id"])


@contextmanager
def frozen(*processes: psutil.Process) -> Iterator[None]:
    """Stop processes in the midst of whatever they do; they go on after the block."""
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.resume()


def processes(stack: Stack, *words: str) -> list[psutil.Process]:
    """The processes of the stack whose command line holds all the words; the first is the eldest."""
    found = []
    for child in stack.children():
        try:
            line = " ".join(child.cmdline())
        except psutil.Error:
            continue
        if all(word in line for word in words):
            found.append(child)
    return sorted(found, key=lambda process: process.create_time())


def postmaster(stack: Stack) -> psutil.Process:
    [found] = stack.data_dir.rglob("postmaster.pid")
    return psutil.Process(int(found.read_text().split()[0]))


def redis_server(stack: Stack) -> psutil.Process:
    [found] = stack.data_dir.rglob("redis.pid")
    return psutil.Process(int(found.read_text()))


def revivals(stack: Stack, name: str) -> int:
    return stack.printed().count(f"{name} had died and was started again")


def is_ready(stack: Stack) -> bool:
    try:
        return requests.get(f"{stack.url}/health/ready", timeout=3).ok
    except requests.RequestException:
        return False


def wallet_grows(stack: Stack, within_s: float = 60) -> None:
    """Coins that are bought arrive: API, webhook, broker and worker all play together."""
    viewer = stack.sign_in("viewer")
    pack = stack.call("GET", "/api/payment/coin-packs")[0]
    before = stack.call("GET", "/api/payment/wallet", viewer)["balance"]
    checkout = stack.call("POST", "/api/payment/create-checkout-session", viewer, json={"coinPackId": pack["id"]})
    assert requests.post(f"{checkout['checkoutUrl']}/pay", timeout=15).ok
    until(lambda: stack.call("GET", "/api/payment/wallet", viewer)["balance"] == before + pack["coins"], within_s)
