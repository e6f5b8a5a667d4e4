"""The six routes as requests ready to be sent: each from another caller, so that limits see a crowd."""

import json
import struct
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path

import msgspec

from bench.api.world import PASSWORD, World

COUNT = 4000


class Call(msgspec.Struct, frozen=True):
    """A kind of request: its name, and many of it; `slow` where one takes a large part of a second."""

    name: str
    requests: Callable[[World], Iterator[bytes]]
    slow: bool = False


def written(call: Call, world: World, folder: Path) -> Path:
    """The requests in a file as the load generator reads it."""
    path = folder / call.name.replace(" ", "-")
    with path.open("wb") as file:
        for request in islice(call.requests(world), COUNT):
            file.write(struct.pack("<I", len(request)) + request)
    return path


def _request(number: int, method: str, path: str, body: object = None, token: str = "") -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: astrotv.example",
        "User-Agent: bench",
        "Accept: application/json",
        f"X-Forwarded-For: 10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
    ]
    content = b"" if body is None else json.dumps(body).encode()
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if content:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def _get(path: str) -> Callable[[World], Iterator[bytes]]:
    return lambda _: (_request(number, "GET", path) for number in range(COUNT))


def _of_streams(path: str) -> Callable[[World], Iterator[bytes]]:
    def requests(world: World) -> Iterator[bytes]:
        for number, stream in zip(range(COUNT), cycle(world.streams), strict=False):
            yield _request(number, "GET", path.format(stream))

    return requests


def _me(world: World) -> Iterator[bytes]:
    return (_request(number, "GET", "/api/auth/me", token=token) for number, token in enumerate(cycle(world.tokens)))


def _login(world: World) -> Iterator[bytes]:
    for number, username in enumerate(cycle(world.usernames)):
        yield _request(number, "POST", "/api/auth/login", {"username": username, "password": PASSWORD})


def _message(world: World) -> Iterator[bytes]:
    for number, (token, stream) in enumerate(zip(cycle(world.tokens), cycle(world.streams), strict=False)):
        yield _request(number, "POST", "/api/messages", {"streamId": str(stream), "text": "What a night"}, token)


def _page(world: World) -> Iterator[bytes]:
    return _get(f"/api/streams?limit=50&cursor={world.cursor}")(world)


#: `list`: AstroTV keeps the body for a quarter of a second, the peers ask each time. `kept`: the peers keep
#: theirs for a second. `page`: the page after it, for which everybody asks each time.
CALLS: Sequence[Call] = (
    Call("list", _get("/api/streams?limit=50")),
    Call("kept", _get("/api/streams?limit=50&kept=1")),
    Call("page", _page),
    Call("stream", _of_streams("/api/streams/{}")),
    Call("me", _me),
    Call("message", _message),
    Call("history", _of_streams("/api/chat/{}?limit=50")),
    Call("login", _login, slow=True),
)
