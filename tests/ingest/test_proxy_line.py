"""What a balancer says before the encoder does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import ProtocolError
from ingest.rtmp.proxy_line import LONGEST_LINE, ProxyLine


@pytest.mark.parametrize(
    ("line", "address"),
    [
        (b"PROXY TCP4 203.0.113.7 10.0.0.1 56324 1935", "203.0.113.7"),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 56324 1935", "2001:db8::7"),
        (b"PROXY UNKNOWN", ""),
        (b"PROXY UNKNOWN ffff::1 ffff::2 1 2", ""),
    ],
)
@given(cut=st.integers(0, 60))
def test_the_encoders_address_is_read_and_what_follows_is_the_encoders(line: bytes, address: str, cut: int) -> None:
    reader, whole = ProxyLine(), line + b"\r\n\x03handshake\r\n"
    followed = reader.receive(whole[:cut]) if cut < len(line) + 2 else b""
    assert followed == b""
    followed = reader.receive(whole[cut:] if cut < len(line) + 2 else whole)
    assert (reader.done, reader.address, followed) == (True, address, b"\x03handshake\r\n")


@pytest.mark.parametrize(
    "heard",
    [
        b"\x03" + bytes(20),
        b"PROXY TCP4 not.an.address 10.0.0.1 1 2\r\n",
        b"PROXY TCP4 203.0.113.7\r\n",
        b"PROXY UDP4 203.0.113.7 10.0.0.1 1 2\r\n",
        b"PROXYTCP4 203.0.113.7 10.0.0.1 1 2\r\n",
        b"PROXY TCP4 \xff 10.0.0.1 1 2\r\n",
        b"PROXY " + b"x" * LONGEST_LINE,
    ],
)
def test_who_says_something_else_is_not_let_in(heard: bytes) -> None:
    with pytest.raises(ProtocolError):
        ProxyLine().receive(heard)
