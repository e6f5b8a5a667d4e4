"""How long connections live: slow clients, idle ones, and the end of the server."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.worker.conftest import SOON_S, Server, serving

GET = b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n"
UNFINISHED = {
    "nothing": b"",
    "a piece of a line": b"GET /ec",
    "a head without end": b"GET /echo HTTP/1.1\r\nHost: x\r\n",
    "a short body": b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
    "a long body": b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{",
    "a body in chunks": b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
}


@pytest.fixture
def impatient() -> Iterator[Server]:
    with serving("tests.api.worker.sample.Impatient", "--keep-alive", "1", "--graceful-timeout", "20") as server:
        yield server


@pytest.mark.parametrize("beginning", UNFINISHED.values(), ids=UNFINISHED.keys())
def test_clients_that_do_not_finish_hold_up_nobody(server: Server, beginning: bytes) -> None:
    slow = [server.line().send(beginning) for _ in range(8)]
    for _ in range(5):
        assert server.line().send(GET).answer().status == 200
    assert len(slow) == 8


def test_whoever_waits_behind_slow_bodies_has_a_turn_when_they_are_done(server: Server) -> None:
    for _ in range(8):
        server.line().send(UNFINISHED["a long body"])
    slow = [server.line().send(UNFINISHED["a long body"]) for _ in range(5)]
    server.hang_up(keep=slow)
    for line in slow:
        line.send(b" " * 99_999)
    assert [line.answer().told["body"][0] for line in slow] == ["{"] * 5


def test_a_request_that_does_not_arrive_in_time_is_given_up(impatient: Server) -> None:
    for name in ("a piece of a line", "a head without end", "a short body"):
        line = impatient.line().send(UNFINISHED[name])
        assert line.answer().status == 408
        assert line.rest() == b""


def test_dribbling_prolongs_nothing(impatient: Server) -> None:
    line = impatient.line().send(b"GET /echo HTTP/1.1\r\n")
    with pytest.raises(OSError, match=r"."):
        while True:
            line.send(b"X: y\r\n")
            time.sleep(0.05)


def test_a_connection_on_which_nothing_is_asked_ends(impatient: Server) -> None:
    assert impatient.line().rest() == b""
    assert impatient.line().send(GET).rest().startswith(b"HTTP/1.1 200")


def test_a_request_that_waits_for_a_thread_is_not_given_up(impatient: Server, tmp_path: Path) -> None:
    idle, waits, arrives = (impatient.line().send(GET) for _ in range(3))
    for line in (idle, waits, arrives):
        line.answer()
    arrives.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nh")
    assert impatient.line().send(GET).answer().status == 200  # so that the beginning has been read
    held = []
    for number in range(2):
        (tmp_path / str(number)).mkdir()
        held.append(
            impatient.line().send(f"GET /wait?folder={tmp_path / str(number)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        )
        _wait_for(tmp_path / str(number) / "waits")
    waits.send(GET)
    arrives.send(b"i")
    assert idle.rest() == b""  # its time is over, and so is that of the others
    for number in range(2):
        (tmp_path / str(number) / "go").touch()
    assert [line.answer().status for line in (waits, arrives, *held)] == [200] * 4


def test_what_runs_is_finished_before_the_server_ends(impatient: Server, tmp_path: Path) -> None:
    runs = impatient.line().send(f"GET /wait?folder={tmp_path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    idle = impatient.line().send(GET)
    idle.answer()
    _wait_for(tmp_path / "waits")
    impatient.stop()
    assert idle.rest() == b""
    assert impatient.process.poll() is None
    (tmp_path / "go").touch()
    answer = runs.answer()
    assert (answer.status, answer.body) == (200, b"waited")
    assert impatient.process.wait(SOON_S) == 0


def test_a_worker_that_has_answered_its_share_is_followed_by_another() -> None:
    with serving("api.worker.worker.Worker", "--max-requests", "5", "--keep-alive", "20") as server:
        first = server.line().send(GET).answer().told["pid"]
        share = [_pid(server) for _ in range(40)]
        assert share.count(first) <= 8
        assert len(set(share)) > 2


def _pid(server: Server) -> int:
    """Which process answers; none is lost."""
    line = server.line().send(GET)
    answer = line.answer()
    line.close()
    assert answer.status == 200
    return int(answer.told["pid"])


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + SOON_S
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
