"""The audit says whether it could ask: silence is not a clean bill."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from operations import audit


@contextmanager
def index(status: int, body: bytes) -> Iterator[str]:
    """A package index that has one answer to everything."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/pypi/pip/json"
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, json.dumps({"vulnerabilities": []}).encode(), ""),
        (200, json.dumps({"info": {}}).encode(), "its pages carry no advisories"),
        (200, b"<html>", "what it answers is not PyPI's JSON: a mirror without advisories?"),
        (404, b"", "it answers 404"),
        (503, b"", "it answers 503"),
    ],
)
def test_who_carries_no_advisories_is_told_from_who_does(status: int, body: bytes, reason: str) -> None:
    with index(status, body) as address:
        assert audit.why_unreachable(address) == reason


def test_nobody_there_is_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "ADVISORIES", "http://127.0.0.1:9/pypi/pip/json")
    assert audit.main([]) == audit.UNKNOWN
    said = capsys.readouterr().err
    assert said.startswith("audit: NOT DONE, pypi.org could not be asked: ")
    assert "Connection refused" in said
