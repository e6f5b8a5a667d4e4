"""A head that cannot be read is refused in the words of the API, and in none of its own."""

import json

import pytest

from tests.api.worker.conftest import Server

SECRET = b"sekret-of-the-client"
HEADS = [
    (b"\x16\x03\x01\x02\x00\x01" + SECRET + b"\r\n\r\n", 400, "malformed"),
    (b"/ HTTP/1.1 " + SECRET + b"\r\nHost: x\r\n\r\n", 400, "malformed"),
    (b"GET /" + SECRET + b" HTTP/9.9\r\nHost: x\r\n\r\n", 400, "malformed"),
    (b"GET /" + SECRET + b"\r\n\r\n", 400, "malformed"),
    (b"GET /echo HTTP/1.1\r\nHost: x\r\nHost: " + SECRET + b"\r\n\r\n", 400, "malformed"),
    (b"GET /echo HTTP/1.1\r\nHost: x\r\nA: b\r\n " + SECRET + b"\r\n\r\n", 400, "malformed"),
    (b"GET /echo HTTP/1.1\r\nHost: x\r\n" + SECRET + b" : b\r\n\r\n", 400, "malformed"),
    (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\nA: " + SECRET + b"\r\n\r\n", 400, "malformed"),
    (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "malformed"),
    (b"GET /" + SECRET * 1000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "uri_too_long"),
    (b"GET /echo HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 500 + b"\r\n", 431, "headers_too_large"),
    (b"GET /echo HTTP/1.1\r\nHost: x\r\nA: " + SECRET * 1000 + b"\r\n\r\n", 431, "headers_too_large"),
    (b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: made-up\r\n\r\n", 501, "unsupported_transfer_coding"),
]


@pytest.mark.parametrize(("head", "status", "code"), HEADS)
def test_what_cannot_be_read_is_refused_in_our_envelope(server: Server, head: bytes, status: int, code: str) -> None:
    line = server.line().send(head)
    answer = line.answer()
    told = json.loads(answer.body)
    assert (answer.status, told["success"], told["code"]) == (status, False, code)
    assert answer.fields["content-type"] == "application/json"
    assert answer.fields["connection"] == "close"
    assert SECRET not in answer.body
    assert line.rest() == b""
