"""The first request: what it asks for, and with which token."""

import pytest

from realtime.handshake import Request, read_request


@pytest.mark.parametrize(
    ("target", "request_"),
    [
        ("/ws", Request("json")),
        ("/ws/?token=t", Request("json", token="t")),
        ("/ws/chat/7", Request("json", stream_id="7")),
        ("/ws/chat/7?token=t", Request("json", stream_id="7", token="t")),
        ("/socket.io/?EIO=4&transport=websocket&t=abc", Request("socketio")),
        ("/socket.io/?EIO=3&transport=websocket", None),
        ("/socket.io/?EIO=4&transport=polling", None),
        ("/health", Request("health")),
        ("/metrics", Request("metrics")),
        ("/ws/chat/", None),
        ("/ws/chat/7/8", None),
        ("/", None),
        ("//[x", None),
        ("http://[::1/ws", None),
        ("/ws?token=%ff&token=t", Request("json", token="\ufffd")),
        ("/ws?" + "&" * 5000, Request("json")),
    ],
)
def test_addresses(target: str, request_: Request | None) -> None:
    assert read_request(target, {}) == request_


def test_the_token_may_come_in_a_header() -> None:
    assert read_request("/ws", {"Authorization": "Bearer t"}) == Request("json", token="t")
    assert read_request("/ws", {"Authorization": "Basic t"}) == Request("json")
