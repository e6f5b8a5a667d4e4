"""The first request of a connection: what it asks for, and with which token. Pure."""

import re
from collections.abc import Mapping
from typing import Literal
from urllib.parse import parse_qs

import msgspec

Kind = Literal["json", "socketio", "health", "metrics"]

_CHAT = re.compile(r"/ws/chat/([^/]{1,120})")


class Request(msgspec.Struct, frozen=True):
    """What a client asked for; `stream_id` where the address names a stream to join."""

    kind: Kind
    stream_id: str | None = None
    token: str | None = None


def read_request(target: str, headers: Mapping[str, str]) -> Request | None:
    """The request for `target` (path and query); None where there is nothing at that address."""
    path, _, parameters = target.partition("?")
    path, query = path.rstrip("/") or "/", parse_qs(parameters)
    token = query.get("token", [None])[0] or _bearer(headers.get("Authorization", ""))
    if path == "/ws":
        return Request("json", token=token)
    if chat := _CHAT.fullmatch(path):
        return Request("json", stream_id=chat[1], token=token)
    if path == "/socket.io" and query.get("EIO") == ["4"] and query.get("transport") == ["websocket"]:
        return Request("socketio", token=token)
    if path == "/health":
        return Request("health")
    if path == "/metrics":
        return Request("metrics")
    return None


def _bearer(header: str) -> str | None:
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None
