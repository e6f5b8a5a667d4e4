"""What is asked, and in which pieces it comes."""

import pytest

from tests.api.worker.conftest import Server

HEAD = b"Host: astrotv.example\r\n"
GET = b"GET /echo HTTP/1.1\r\n" + HEAD + b"\r\n"
GETTING, POSTING = b"GET /echo HTTP/1.1\r\n" + HEAD, b"POST /echo HTTP/1.1\r\n" + HEAD


def test_a_request_is_told_to_the_application(server: Server) -> None:
    head = b"GET /ec%68o?a=1&b=%20 HTTP/1.1\r\n" + HEAD + b"X-Thing:  one \r\nX-Thing: two\r\nAccept:\r\n\r\n"
    answer = server.line().send(head).answer()
    told = answer.told
    assert answer.status == 200
    assert answer.fields["connection"] == "keep-alive"
    assert {"date", "server"} <= answer.fields.keys()
    assert (told["REQUEST_METHOD"], told["PATH_INFO"], told["QUERY_STRING"]) == ("GET", "/echo", "a=1&b=%20")
    assert (told["HTTP_X_THING"], told["HTTP_ACCEPT"], told["HTTP_HOST"]) == ("one,two", "", "astrotv.example")
    assert (told["REMOTE_ADDR"], told["SERVER_PORT"], told["SERVER_PROTOCOL"]) == (
        "127.0.0.1",
        str(server.port),
        "HTTP/1.1",
    )


def test_a_request_may_come_byte_by_byte(server: Server) -> None:
    line = server.line()
    for byte in b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello":
        line.send(bytes([byte]))
    assert line.answer().told["body"] == "hello"


def test_requests_that_come_together_are_answered_in_order(server: Server) -> None:
    chunked = (
        b"POST /echo?n=2 HTTP/1.1\r\n"
        + HEAD
        + b"Transfer-Encoding: chunked\r\n\r\n2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
    )
    sized = b"POST /echo?n=3 HTTP/1.1\r\n" + HEAD + b"Content-Length: 2\r\n\r\nhi"
    line = server.line().send(GET + chunked + sized + GET)
    told = [line.answer().told for _ in range(4)]
    assert [each["QUERY_STRING"] for each in told] == ["", "n=2", "n=3", ""]
    assert [each["body"] for each in told] == ["", "hello", "hi", ""]


@pytest.mark.parametrize("size", [0, 1, 1 << 16, (1 << 16) + 1, 3 << 20])
def test_a_body_comes_whole_whatever_its_size(server: Server, size: int) -> None:
    body = b"y" * size
    line = server.line().send(POSTING + b"Content-Length: %d\r\n\r\n" % size + body)
    assert len(line.answer().told["body"]) == size
    assert line.send(GET).answer().status == 200


@pytest.mark.parametrize("size", [100, 70_000, 200_000])
def test_a_body_that_nobody_reads_is_no_request(server: Server, size: int) -> None:
    body = GET + b"z" * (size - len(GET))
    line = server.line().send(b"POST /unread HTTP/1.1\r\n" + HEAD + b"Content-Length: %d\r\n\r\n" % size + body)
    assert line.answer().body == b"unread"
    if size == 100:
        assert line.send(GET).answer().told["body"] == ""
    else:
        assert line.rest() == b""  # as gunicorn has it: what is long and unread ends the connection


def test_an_expectation_is_answered_before_the_body_comes(server: Server) -> None:
    head = POSTING + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    line = server.line().send(head)
    assert line.answer().status == 100
    assert line.send(b"hello").answer().told["body"] == "hello"


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_a_client_that_wants_no_more_has_the_end(server: Server, version: bytes) -> None:
    line = server.line().send(b"GET /echo HTTP/" + version + b"\r\n" + HEAD + b"Connection: close\r\n\r\n")
    answer = line.answer()
    assert (answer.status, answer.fields["connection"]) == (200, "close")
    assert line.rest() == b""


def test_a_proxy_that_is_trusted_says_how_the_client_speaks(server: Server) -> None:
    line = server.line()
    for said, scheme in ((b"https", "https"), (b"http", "http")):
        told = line.send(GETTING + b"X-Forwarded-Proto: " + said + b"\r\n\r\n").answer().told
        assert told["wsgi.url_scheme"] == scheme


HOSTILE = {
    "both lengths": b"POST /echo HTTP/1.1\r\n"
    + HEAD
    + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": POSTING + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "list of lengths": POSTING + b"Content-Length: 5, 5\r\n\r\nhello",
    "signed length": POSTING + b"Content-Length: +5\r\n\r\nhello",
    "negative length": POSTING + b"Content-Length: -5\r\n\r\nhello",
    "length in words": POSTING + b"Content-Length: \xb2\r\n\r\nhello",
    "empty length": POSTING + b"Content-Length:\r\n\r\nhello",
    "unknown coding": POSTING + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked not last": POSTING + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "chunked in 1.0": b"POST /echo HTTP/1.0\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "vertical tab": POSTING + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "underscore": b"GET /echo HTTP/1.1\r\n"
    + HEAD
    + b"X_Forwarded_For: 1\r\nContent_Length: 5\r\nA_B: ~\r\n\x01: x\r\n\r\n",
    "folded": GETTING + b"X-A: b\r\n c\r\n\r\n",
    "folded first": b"GET /echo HTTP/1.1\r\n X: b\r\n" + HEAD + b"\r\n",
    "space before colon": GETTING + b"Content-Length : 5\r\n\r\nhello",
    "no colon": GETTING + b"X-A\r\n\r\n",
    "no name": GETTING + b": x\r\n\r\n",
    "NUL": GETTING + b"X-A: a\x00b\r\n\r\n",
    "NUL in the target": b"GET /ec\x00ho HTTP/1.1\r\n" + HEAD + b"\r\n",
    "bare LF": b"GET /echo HTTP/1.1\nHost: x\n\n",
    "bare LF in a field": b"GET /echo HTTP/1.1\r\nHost: x\r\nX-A: b\nContent-Length: 5\r\n\r\nhello",
    "bare CR": b"GET /echo HTTP/1.1\r\nHost: x\r\nX-A: b\rContent-Length: 5\r\n\r\nhello",
    "no host": b"GET /echo HTTP/1.1\r\nAccept: */*\r\n\r\n",
    "two hosts": b"GET /echo HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "small method": b"get /echo HTTP/1.1\r\n" + HEAD + b"\r\n",
    "no target": b"GET  HTTP/1.1\r\n" + HEAD + b"\r\n",
    "spaces in the target": b"GET /echo /x HTTP/1.1\r\n" + HEAD + b"\r\n",
    "no version": b"GET /echo\r\n" + HEAD + b"\r\n",
    "another version": b"GET /echo HTTP/2.0\r\n" + HEAD + b"\r\n",
    "letters beyond ASCII": "GET /échо HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
    "long line": b"GET /echo?" + b"a" * 9000 + b" HTTP/1.1\r\n" + HEAD + b"\r\n",
    "long line without end": b"GET /echo?" + b"a" * 9000,
    "long field": GETTING + b"X-A: " + b"a" * 9000 + b"\r\n\r\n",
    "many fields": GETTING + b"X: a\r\n" * 101 + b"\r\n",
    "head without end": b"GET /echo HTTP/1.1\r\n" + (b"X-A: " + b"a" * 1000 + b"\r\n") * 40,
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "wrong scheme twice": b"GET /echo HTTP/1.1\r\n"
    + HEAD
    + b"X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off\r\n\r\n",
}


@pytest.mark.parametrize("request_", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_request_that_two_servers_may_read_differently_is_refused_and_ends_the_connection(
    server: Server, request_: bytes
) -> None:
    line = server.line().send(request_ + GET)
    answer = line.answer()
    assert 400 <= answer.status < 600
    assert answer.status != 500
    assert line.rest() == b""
