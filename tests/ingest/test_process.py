"""`python -m ingest` as a process."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from settings import Settings
from tests.ingest.stage import wait_for


@contextmanager
def ingest(**environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "ingest"],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def two_ports_in_a_row() -> int:
    """The first of two ports that nobody has at this moment."""
    while True:
        first = free_port()
        with suppress(OSError, OverflowError), socket.create_server(("127.0.0.1", first + 1)):
            return first


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def test_it_answers_and_stops_when_told_to(opened: Settings) -> None:
    relay_port = free_port()
    with ingest(RTMP_PORT=str(free_port()), RELAY_PORT=str(relay_port)) as process:
        wait_for(lambda: answers(f"http://127.0.0.1:{relay_port}/health"))
        assert answers(f"http://127.0.0.1:{relay_port}/metrics")
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0


def test_a_port_that_is_taken_is_one_clear_line(opened: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with ingest(RTMP_PORT=str(port), RELAY_PORT=str(free_port())) as process:
            _, complaint = process.communicate(timeout=30)
    assert process.returncode == 1
    assert complaint.decode().splitlines() == [
        f"ingest: 127.0.0.1:{port} cannot be listened on (address already in use); set RTMP_PORT to another port"
    ]


def test_several_share_the_port_and_one_that_is_killed_comes_again(opened: Settings) -> None:
    relay_port = two_ports_in_a_row()
    first_page, second_page = (f"http://127.0.0.1:{port}/health" for port in (relay_port, relay_port + 1))
    with ingest(RTMP_PORT=str(free_port()), RELAY_PORT=str(relay_port), INGEST_PROCESSES="2") as process:
        wait_for(lambda: answers(first_page) and answers(second_page))
        stays, dies = psutil.Process(process.pid).children()
        dies.kill()
        wait_for(lambda: not answers(second_page))
        wait_for(lambda: answers(second_page))
        assert stays in psutil.Process(process.pid).children()
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0


def test_a_port_that_is_taken_ends_all_of_several(opened: Settings) -> None:
    relay_port = two_ports_in_a_row()
    ports = {"RTMP_PORT": str(free_port()), "RELAY_PORT": str(relay_port)}
    with socket.create_server(("127.0.0.1", relay_port + 1)), ingest(**ports, INGEST_PROCESSES="2") as process:
        _, complaint = process.communicate(timeout=30)
    assert process.returncode == 1
    assert f"127.0.0.1:{relay_port + 1} cannot be listened on" in complaint.decode()
