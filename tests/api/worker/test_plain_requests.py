"""Heads of the plain kind: what is read of them is what gunicorn's own parser reads, and it refuses none of them."""

from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import ParseException
from gunicorn.http.parser import RequestParser
from gunicorn.http.wsgi import create
from hypothesis import example, given
from hypothesis import strategies as st

from api.worker.plain_requests import LONGEST_HEAD, read
from api.worker.surroundings import Surroundings

CONFIG = Config()
CLIENT, SERVER = ("127.0.0.1", 50_000), ("10.0.0.1", 8000)
OWN = {"wsgi.input", "wsgi.errors", "wsgi.early_hints", "gunicorn.socket", "wsgi.multithread"}

NAMES = st.sampled_from(
    [
        *(
            "Host",
            "Accept",
            "X-A",
            "x-a",
            "X_A",
            "Content-Length",
            "content-length",
            "Content-Type",
            "Connection",
            "Te",
        ),
        *(
            "Transfer-Encoding",
            "Expect",
            "Upgrade",
            "X-Forwarded-Proto",
            "X-Forwarded-Ssl",
            "Script_Name",
            "Proxy",
            "Via",
        ),
        *("Path-Info", "Remote-Addr", "X A", "X-A ", " X-A", "", "X\u00df", "X\x00"),
    ]
)
VALUES = st.sampled_from(
    [
        *("", "1", "5", "05", "+5", "5,5", "\u00b2", "chunked", "100-continue", "https", "http", "on", "off", "close"),
        *(
            "keep-alive",
            "Close",
            "upgrade",
            " a\t",
            "a\x00b",
            "a\rb",
            "a\nb",
            "a\x7f",
            "\u00ff",
            "a:b",
            "\ta",
            "a\r\n b",
        ),
    ]
) | st.text(st.characters(max_codepoint=255), max_size=6)
TARGETS = st.sampled_from(
    [
        *(
            "/",
            "/a?b=c",
            "/a%20b%ff?%20",
            "//x//y",
            "/a?b?c",
            "/a#b",
            "*",
            "a",
            "http://x/y",
            "",
            "/a b",
            "/\u00e9",
            "/%",
        ),
        *("/;a=b", "/a%2", '/"<>`{|}^\\', "/a?", "//", "/?#", "/x://y"),
    ]
) | st.text(st.characters(max_codepoint=127), max_size=8).map(lambda text: f"/{text}")
METHODS = st.sampled_from(
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "G", "CONNECT", ""]
)
VERSIONS = st.sampled_from(["HTTP/1.1"] * 6 + ["HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "http/1.1", "HTTP/1.1 ", ""])
ENDS = st.sampled_from(["\r\n"] * 10 + ["\n", "\r"])


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    lines = [
        f"{draw(METHODS)} {draw(TARGETS)} {draw(VERSIONS)}",
        *draw(st.sampled_from([["Host: x"], ["Host: x"], []])),
    ]
    lines += [f"{name}:{value}" for name, value in draw(st.lists(st.tuples(NAMES, VALUES), max_size=4))]
    return ("".join(line + draw(ENDS) for line in lines) + "\r\n").encode("latin-1")


def by_gunicorn(head: bytes) -> tuple[dict[str, Any], bool]:
    """The environment that gunicorn would make of a head, and whether it closes; raises ParseException."""
    request = next(RequestParser(CONFIG, iter([head + b"x" * 10]), CLIENT))
    _, environ = create(request, None, CLIENT, SERVER, CONFIG)
    return environ, request.should_close()


def ours(head: bytes, client: tuple[str, int] = CLIENT) -> Any:
    surroundings = Surroundings(CONFIG, plain=True)
    beginning = surroundings.of(client, SERVER)
    assert beginning is not None
    return read(head, beginning, surroundings.schemes(client[0]))


@given(heads())
@example(b"GET /a?b=c HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: https\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 5\r\n\r\n")
def test_a_plain_head_reads_as_gunicorn_reads_it(head: bytes) -> None:
    plain = ours(head)
    if plain is None:
        return
    expected, closes = by_gunicorn(head)  # refuses none of them
    assert {name: value for name, value in plain.environ.items() if name not in OWN} == {
        name: value for name, value in expected.items() if name not in OWN
    }
    assert plain.closes == closes
    assert plain.body_bytes == int(expected.get("CONTENT_LENGTH", 0))


@given(heads())
def test_what_gunicorn_refuses_is_not_plain(head: bytes) -> None:
    try:
        by_gunicorn(head)
    except (ParseException, OSError):
        assert ours(head) is None


@pytest.mark.parametrize(
    "head", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"]
)
def test_what_everybody_sends_is_plain(head: bytes) -> None:
    assert ours(head) is not None


def test_long_heads_and_many_fields_are_left_to_gunicorn() -> None:
    long, many = b"X: " + b"a" * LONGEST_HEAD + b"\r\n", b"X: a\r\n" * 101
    assert ours(b"GET / HTTP/1.1\r\nHost: x\r\n" + long + b"\r\n") is None
    assert ours(b"GET / HTTP/1.1\r\nHost: x\r\n" + many + b"\r\n") is None
    assert ours(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 50 + b"\r\n").environ["HTTP_X"] == ",".join("a" * 50)


def test_a_peer_that_is_not_trusted_does_not_say_how_its_client_speaks() -> None:
    head = b"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: https\r\n\r\n"
    assert ours(head).environ["wsgi.url_scheme"] == "https"
    assert ours(head, ("192.0.2.1", 1)).environ["wsgi.url_scheme"] == "http"
