"""The first request: what it asks for, with which token, and from where."""

import pytest

from realtime.handshake import Request, client_address, is_internal, read_request


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


def test_only_trusted_proxies_say_where_a_client_is() -> None:
    assert client_address("10.0.0.1", ["1.1.1.1"], 0) == "10.0.0.1"
    assert client_address("10.0.0.1", ["6.6.6.6, 1.1.1.1"], 1) == "1.1.1.1"
    assert client_address("10.0.0.1", ["6.6.6.6", "1.1.1.1, 10.0.0.9"], 2) == "1.1.1.1"
    assert client_address("10.0.0.1", [], 2) == "10.0.0.1"


def test_what_is_internal() -> None:
    assert all(is_internal(peer) for peer in ("127.0.0.1", "::1", "10.1.2.3", "192.168.0.9", ""))
    assert not any(is_internal(peer) for peer in ("8.8.8.8", "2001:4860:4860::8888", "nonsense"))
