import pytest

from ingest.errors import ProtocolError
from ingest.rtmp.handshake import ServerHandshake
from tests.ingest.rtmp_client import C0_C1, C2


def test_the_server_answers_with_its_version_its_block_and_the_clients_echoed() -> None:
    handshake = ServerHandshake(random_bytes=b"r" * 1528)
    reply = handshake.receive(C0_C1)
    assert reply == b"\x03" + bytes(8) + b"r" * 1528 + C0_C1[1:]
    assert not handshake.done
    assert handshake.receive(C2 + b"next") == b""
    assert handshake.done
    assert handshake.remainder == b"next"


def test_bytes_may_come_one_at_a_time() -> None:
    handshake = ServerHandshake()
    reply = b"".join(handshake.receive(bytes((byte,))) for byte in C0_C1 + C2)
    assert len(reply) == 1 + 2 * 1536
    assert handshake.done


@pytest.mark.parametrize("first", [b"\x06", b"GET / HTTP/1.1"], ids=["encrypted", "http"])
def test_anything_else_is_refused_at_its_first_byte(first: bytes) -> None:
    with pytest.raises(ProtocolError):
        ServerHandshake().receive(first)
