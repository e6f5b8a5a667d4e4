"""Each process of a running AstroTV is restarted by the documented command while people use it."""

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
import requests

from tests.e2e.playlists import last_number
from tests.e2e.stack import ROOT, Stack, running, until
from tests.e2e.talker import Talker, at_work
from tests.folders import open_folder

NO_LIMIT = {"RATE_LIMIT_DEFAULT": "1000000/15minutes", "RATE_LIMIT_AUTH": "1000000/15minutes"}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with open_folder("astrotv-restarts-") as folder, running(folder / "stack", **NO_LIMIT) as started:
        yield started


def restart(stack: Stack, process: str) -> str:
    """The documented command; returns what it says."""
    done = subprocess.run(
        [sys.executable, "manage.py", "restart", process],
        cwd=ROOT,
        env={"DATA_DIR": str(stack.data_dir), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr + stack.printed()[-3000:]
    return done.stdout


class Readers:
    """Requests without pause, each on a new connection or all on one, and how they were answered."""

    def __init__(self, stack: Stack) -> None:
        self.url = f"{stack.url}/api/categories"
        self.answers: Counter[int] = Counter()
        self.broken: list[str] = []
        self.longest_s = 0.0

    def each_on_its_own(self, done: threading.Event) -> None:
        while not done.is_set():
            self._note(lambda: requests.get(self.url, timeout=20, headers={"Connection": "close"}))

    def all_on_one(self, done: threading.Event) -> None:
        with requests.Session() as session:
            while not done.is_set():
                self._note(lambda: session.get(self.url, timeout=20))

    def _note(self, ask: Callable[[], requests.Response]) -> None:
        began_at = time.monotonic()
        try:
            self.answers[ask().status_code] += 1
        except requests.RequestException as error:
            self.broken.append(repr(error))
        self.longest_s = max(self.longest_s, time.monotonic() - began_at)


def master_of_the_api(stack: Stack) -> psutil.Process:
    [found] = [child for child in psutil.Process(stack.process.pid).children() if "gunicorn" in child.cmdline()]
    return found


def test_the_api_is_restarted_twice_under_load_and_every_request_is_answered(stack: Stack) -> None:
    readers = Readers(stack)
    before = {worker.pid for worker in master_of_the_api(stack).children()}
    with at_work(readers.each_on_its_own, readers.each_on_its_own, readers.all_on_one, readers.all_on_one):
        until(lambda: readers.answers[200] > 100)
        for _ in range(2):
            assert "api: restarted in" in restart(stack, "api")
        seen = readers.answers[200]
        until(lambda: readers.answers[200] > seen + 100)
    assert readers.broken == []
    assert readers.answers.keys() == {200}
    after = {worker.pid for worker in master_of_the_api(stack).children()}
    assert len(after) == len(before)
    assert not after & before


def test_a_worker_of_the_api_that_dies_leaves_no_socket_unserved(stack: Stack) -> None:
    master = master_of_the_api(stack)
    master.children()[0].kill()
    readers = Readers(stack)
    for _ in range(60):
        readers._note(lambda: requests.get(readers.url, timeout=20, headers={"Connection": "close"}))
    assert readers.answers[200] >= 58, readers.broken  # what the dead one was answering is lost
    until(lambda: len(master.children()) == 2)


def test_realtime_is_restarted_and_no_acknowledged_message_is_lost_or_doubled(stack: Stack) -> None:
    talker = Talker(stack)
    with at_work(talker.talk):
        until(lambda: len(talker.acknowledged) > 3, 90)
        restart(stack, "realtime")
        until(lambda: talker.visits == 2, 90)
        so_far = len(talker.acknowledged)
        until(lambda: len(talker.acknowledged) > so_far + 3, 30, lambda: talker.refusals)
    first, *others = talker.acknowledged.items()
    told = talker.missed_since(first[0])
    assert [(message["id"], message["text"]) for message in told] == others
    numbers = [message["seq"] for message in told]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def live(stack: Stack) -> list[Any]:
    return list(stack.call("GET", "/api/streams"))


def test_a_broadcast_outlives_restarts_of_its_transcoder_and_of_ingest(stack: Stack) -> None:
    key = str(stack.call("GET", "/api/auth/stream-key", stack.sign_in("streamer"))["streamKey"])
    with stack.publishing(key) as encoder:
        (before,) = until(lambda: live(stack))
        # The rung that is made on the fullest machine.
        ladder = before["playback"]["hls"].replace("index.m3u8", "audio/index.m3u8")
        until(lambda: requests.get(ladder, timeout=5).ok, 90)
        restart(stack, "worker-transcode")
        assert [stream["id"] for stream in live(stack)] == [before["id"]]
        numbered = last_number(ladder)
        until(lambda: last_number(ladder) > numbered + 1, 90)
        source = before["playback"]["hls"].replace("index.m3u8", "source/index.m3u8")
        restart(stack, "ingest")
        encoder.wait(15)  # OBS would come back by itself
        so_far = last_number(source)
    with stack.publishing(key):
        until(lambda: last_number(source) > so_far + 1, 90)
        assert "#EXT-X-DISCONTINUITY\n" in requests.get(source, timeout=5).text
        assert [stream["id"] for stream in live(stack)] == [before["id"]]
    until(lambda: not live(stack))


class Buyer:
    """Somebody who buys coins, one pack after the other."""

    def __init__(self, stack: Stack) -> None:
        self._stack, self._token = stack, stack.sign_in("viewer")
        self.pack = stack.call("GET", "/api/payment/coin-packs")[0]
        self.bought = 0

    def balance(self) -> int:
        return int(self._stack.call("GET", "/api/payment/wallet", self._token)["balance"])

    def buy(self, done: threading.Event) -> None:
        while not done.is_set():
            body = {"coinPackId": self.pack["id"]}
            checkout = self._stack.call("POST", "/api/payment/create-checkout-session", self._token, json=body)
            assert requests.post(f"{checkout['checkoutUrl']}/pay", timeout=15).ok
            self.bought += 1


def test_workers_are_restarted_while_they_work_and_every_purchase_arrives_once(stack: Stack) -> None:
    buyer = Buyer(stack)
    before = buyer.balance()
    with at_work(buyer.buy):
        for name in ("worker-webhooks", "worker-default", "worker-media"):
            seen = buyer.bought
            until(lambda seen=seen: buyer.bought > seen + 3)  # type: ignore[misc]
            restart(stack, name)
    expected = before + buyer.bought * buyer.pack["coins"]
    until(lambda: buyer.balance() == expected, 60, lambda: (buyer.balance(), expected))


def test_the_clock_and_flower_are_restarted(stack: Stack) -> None:
    for name in ("beat", "flower"):
        assert f"{name}: restarted" in restart(stack, name)


def test_a_second_clock_by_mistake_does_no_harm(stack: Stack) -> None:
    """Two beats send each job twice; the broadcast that was reaped, the books and the workers bear it."""
    environment = master_of_the_api(stack).environ()
    buyer = Buyer(stack)
    before = buyer.balance()
    schedule = stack.data_dir / "second-schedule"
    command = [sys.executable, "-m", "celery", "--quiet", "--app", "workers.app", "beat", "--schedule", str(schedule)]
    second = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        with at_work(buyer.buy):
            until(lambda: schedule_is_kept(stack), 90)
            until(lambda: buyer.bought > 5)
    finally:
        second.terminate()
        second.wait(15)
    expected = before + buyer.bought * buyer.pack["coins"]
    until(lambda: buyer.balance() == expected, 60, lambda: (buyer.balance(), expected))


def schedule_is_kept(stack: Stack) -> bool:
    return any(stack.data_dir.glob("second-schedule*"))
