"""`python -m bench.chat.reconnect [options]`: everybody comes back at once, and wants what was said meanwhile.

All sockets are opened without waiting for one another; each asks for the history after the last message
it has seen, and is counted when its answer is whole. Then the time for opening sockets alone, and
the memory of the process, with the same sockets.
"""

import argparse
import resource
import select
import socket
import sys
import tempfile
from pathlib import Path
from time import perf_counter, sleep

import psutil

from bench.chat.load import HANDSHAKE, client_frame
from bench.chat.stage import Audience, audience, processes, stores
from db.connection import connection
from services import chat
from services.actors import Actor, Role
from services.chat import Draft
from services.rooms import RoomRef

SAID = 500
LIMIT_S = 120
LAST_FIELD = b'"truncated":'


def main(arguments: list[str]) -> None:
    """Print how long it took until the last one had its history."""
    options = _options(arguments)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory(prefix="astrotv-bench-") as folder, stores(Path(folder)) as environment:
        made = audience(1, SAID, signed_in=False)
        _talk(made)
        with processes(1, environment) as (ports, pids):
            process = psutil.Process(pids[0])
            for name, since in (
                ("with the 50 newest", None),
                ("with 450 missed", SAID - 450),
                ("with nothing missed", SAID),
            ):
                empty = process.memory_info().rss
                crowd = Crowd(ports[0], made.rooms[0], options.clients, since)
                took_s, cpu_s = crowd.come(process)
                sleep(2)
                kilobytes = (process.memory_info().rss - empty) / options.clients / 1024
                print(f"{options.clients} clients {name}: {took_s:.2f} s until the last has its history,", end="")
                print(f" {options.clients / took_s:.0f}/s, {cpu_s:.2f} s of CPU, {kilobytes:.2f} KB each", flush=True)
                crowd.go()
                sleep(2)


class Crowd:
    """Sockets that do everything at once."""

    def __init__(self, port: int, room: str, count: int, since: int | None) -> None:
        hello = HANDSHAKE.format(host="127.0.0.1", port=port).encode()
        join = {"type": "join", "room": room, "id": "j"} | ({} if since is None else {"since": since})
        self._hello, self._join, self._port, self._count = hello, client_frame(join), port, count
        self._sockets: dict[int, socket.socket] = {}
        self._poll = select.epoll()

    def come(self, process: psutil.Process) -> tuple[float, float]:
        """Open, join, and wait for every answer; gives seconds and the server's CPU seconds."""
        began, cpu = perf_counter(), process.cpu_times()
        for _ in range(self._count):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", self._port))
            self._sockets[sock.fileno()] = sock
            self._poll.register(sock, select.EPOLLOUT)
        self._wait_for_answers()
        took_s, used = perf_counter() - began, process.cpu_times()
        return took_s, used.user + used.system - cpu.user - cpu.system

    def go(self) -> None:
        for sock in self._sockets.values():
            sock.close()
        self._poll.close()

    def _wait_for_answers(self) -> None:
        heard: dict[int, bytes] = {}
        waiting, until = set(self._sockets), perf_counter() + LIMIT_S
        while waiting:
            if perf_counter() > until:
                raise TimeoutError(f"{len(waiting)} have no history")
            for descriptor, event in self._poll.poll(1):
                if descriptor not in heard:
                    heard[descriptor] = b""
                    self._sockets[descriptor].send(self._hello)
                    self._poll.modify(descriptor, select.EPOLLIN)
                elif event & select.EPOLLIN and self._is_answered(descriptor, heard):
                    waiting.discard(descriptor)

    def _is_answered(self, descriptor: int, heard: dict[int, bytes]) -> bool:
        """Take what came; ask to join once the socket is open; whether the answer to that is whole."""
        sock = self._sockets[descriptor]
        received = sock.recv(1 << 18)
        if not received:
            raise ConnectionError("the server closed a socket")
        data = heard[descriptor] + received
        if data.startswith(b"HTTP/1.1"):
            if not data.startswith(b"HTTP/1.1 101"):
                raise ConnectionError(f"the server said {data[:300]!r}")
            if data.endswith(b"\r\n\r\n"):
                sock.send(self._join)
                data = b""
        heard[descriptor] = data if data.startswith(b"HTTP") else data[-len(LAST_FIELD) :]
        return LAST_FIELD in data


def _talk(made: Audience) -> None:
    room = RoomRef(made.room_ids[0], made.rooms[0])
    drafts = [
        Draft(room=room, actor=Actor(person, Role.VIEWER), text=f"what was said before, number {number}")
        for number, person in enumerate(made.people)
    ]
    with connection():
        chat.send_messages(drafts)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.chat.reconnect", description="Everybody comes back.")
    parser.add_argument("--clients", type=int, default=5000)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
