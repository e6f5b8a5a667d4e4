"""How answers leave, whole or in pieces, and what happens when one breaks off."""

import pytest

from tests.api.worker.conftest import Server
from tests.api.worker.sample import LARGE


def asked(path: str, method: str = "GET", *fields: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", *fields, "", ""]).encode()


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/pieces", 200, b"onetwo"),
        ("/written", 200, b"onetwo"),
        ("/file", 200, b"file"),
        ("/empty", 204, b""),
        ("/unchanged", 304, b""),
    ],
)
def test_an_answer_of_any_manner_leaves_the_connection_usable(
    server: Server, path: str, status: int, body: bytes
) -> None:
    line = server.line()
    for _ in range(2):
        answer = line.send(asked(path)).answer()
        assert (answer.status, answer.body) == (status, body)
    if status in (204, 304):
        assert "content-length" not in answer.fields
        assert "transfer-encoding" not in answer.fields


@pytest.mark.parametrize("path", ["/echo", "/pieces", "/file"])
def test_a_head_is_answered_without_a_body(server: Server, path: str) -> None:
    line = server.line()
    for _ in range(2):
        answer = line.send(asked(path, "HEAD")).answer(to="HEAD")
        assert answer.status == 200
    assert line.send(asked("/file")).answer().body == b"file"


def test_a_large_answer_reaches_a_client_that_begins_to_read_late(server: Server) -> None:
    readers = [server.line().send(asked("/large")) for _ in range(2)]
    for line in readers:
        assert len(line.answer().body) == LARGE
        assert line.send(asked("/file")).answer().body == b"file"


def test_clients_that_leave_in_the_middle_take_nobody_with_them(server: Server) -> None:
    for _ in range(10):
        server.line().send(asked("/large")).close()
        server.line().send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nbeginning").close()
    assert server.line().send(asked("/file")).answer().body == b"file"


@pytest.mark.parametrize("path", ["/failing", "/forged"])
def test_an_application_that_fails_is_answered_for(server: Server, path: str) -> None:
    line = server.line().send(asked(path))
    answer = line.answer()
    assert answer.status == 500
    assert b"secret" not in answer.body
    assert "set-cookie" not in answer.fields
    assert line.rest() == b""


def test_an_answer_that_breaks_off_is_not_ended_as_if_it_were_whole(server: Server) -> None:
    came = server.line().send(asked("/broken")).rest()
    assert came.endswith(b"\r\n\r\n3\r\none\r\n")
