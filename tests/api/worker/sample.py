"""A small WSGI application that answers in every manner there is, and the worker that serves it in tests."""

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from api.worker.worker import Worker

LARGE = 5 << 20
Start = Callable[..., Callable[[bytes], object]]
TEXT = ("Content-Type", "text/plain")


class Impatient(Worker):
    """Gives a request little time to arrive."""

    arrival_s = 0.5


def app(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    """Answer by the path."""
    return WAYS[environ["PATH_INFO"]](environ, start)


def _echo(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    """What was asked, as JSON."""
    body: bytes = environ["wsgi.input"].read()
    told = {name: value for name, value in environ.items() if isinstance(value, str)}
    return _sent(start, json.dumps({**told, "pid": os.getpid(), "body": body.decode("latin-1")}).encode())


def _sent(start: Start, content: bytes, status: str = "200 OK") -> Iterable[bytes]:
    start(status, [TEXT, ("Content-Length", str(len(content)))])
    return [content]


def _unread(_environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    return _sent(start, b"unread")


def _wait(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    """Answers once a file is there, having said that it waits by another."""
    folder = Path(parse_qs(environ["QUERY_STRING"])["folder"][0])
    (folder / "waits").touch()
    while not (folder / "go").exists():
        time.sleep(0.01)
    return _sent(start, b"waited")


def _pieces(_environ: dict[str, Any], start: Start) -> Iterator[bytes]:
    start("200 OK", [TEXT])
    yield from (b"one", b"", b"two")


def _broken(_environ: dict[str, Any], start: Start) -> Iterator[bytes]:
    start("200 OK", [TEXT])
    yield b"one"
    raise ValueError("no more")


def _written(_environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    write = start("200 OK", [TEXT, ("Content-Length", "6")])
    write(b"one")
    return [b"two"]


def _file(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    start("200 OK", [TEXT, ("Content-Length", "4")])
    made: Iterable[bytes] = environ["wsgi.file_wrapper"](BytesIO(b"file"))
    return made


def _large(_environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    return _sent(start, b"x" * LARGE)


def _empty(_environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    start("204 No Content", [])
    return []


def _unchanged(_environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    start("304 Not Modified", [("ETag", '"1"')])
    return []


def _forged(_environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    start("200 OK", [("X-Name", "one\r\nSet-Cookie: two"), ("Content-Length", "2")])
    return [b"ok"]


def _failing(_environ: dict[str, Any], _start: Start) -> Iterable[bytes]:
    raise ValueError("a secret")


WAYS: dict[str, Callable[[dict[str, Any], Start], Iterable[bytes]]] = {
    "/echo": _echo,
    "/unread": _unread,
    "/wait": _wait,
    "/pieces": _pieces,
    "/broken": _broken,
    "/written": _written,
    "/file": _file,
    "/large": _large,
    "/empty": _empty,
    "/unchanged": _unchanged,
    "/forged": _forged,
    "/failing": _failing,
}
