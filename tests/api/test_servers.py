"""The application under gunicorn and under granian: it answers, keeps who asks apart, and has told all when it ends."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from services.actors import Role
from settings import Settings
from tests.factories import bearer, make_channel, make_stream, make_user

ROOT = Path(__file__).resolve().parents[2]
READY_S, GONE_S, PATIENCE_S = 60, 60, 60
GUNICORN = ["-m", "gunicorn", "--config", "api/gunicorn_conf.py", "api.wsgi:app"]
GRANIAN = ["-m", "api.fast"]


@pytest.fixture(params=[GUNICORN, GRANIAN], ids=["gunicorn", "granian"])
def server(
    request: pytest.FixtureRequest, committed_db: Settings, tmp_path: Path
) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """An API of two processes on a port of its own, and its address; what it says is in `said`."""
    port = _free_port()
    said = (tmp_path / "said").open("wb")
    stores = {"DATABASE_URL": committed_db.database_url, "REDIS_URL": committed_db.redis_url}
    process = subprocess.Popen(
        [sys.executable, *request.param],
        cwd=ROOT,
        env={**os.environ, **stores, "PORT": str(port), "LOG_FORMAT": "json", "LOG_LEVEL": "info"},
        stdout=said,
        start_new_session=True,
    )
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its workers with it
        process.wait(GONE_S)
        said.close()


def test_it_serves_the_api_and_stops_cleanly(server: tuple[str, "subprocess.Popen[bytes]"]) -> None:
    address, process = server
    _wait_until_ready(address, process)
    streamer = make_user(role=Role.STREAMER)
    stream = make_stream(make_channel(streamer), title="On air")
    listed = requests.get(f"{address}/api/streams", timeout=PATIENCE_S)
    assert [shown["id"] for shown in listed.json()["data"]] == [str(stream.id)]
    assert listed.headers["ratelimit-limit"]
    me = requests.get(f"{address}/api/auth/me", headers=bearer(streamer), timeout=PATIENCE_S).json()
    assert me["data"]["username"] == streamer.username
    assert requests.get(f"{address}/api/auth/me", timeout=PATIENCE_S).status_code == 401
    refused = requests.post(
        f"{address}/api/auth/login", json={"email": "a@example.com", "password": "x"}, timeout=PATIENCE_S
    )
    assert refused.status_code == 401
    assert "astrotv_http_requests_total" in requests.get(f"{address}/metrics", timeout=PATIENCE_S).text
    process.send_signal(signal.SIGTERM)
    assert process.wait(GONE_S) == 0


def test_it_has_told_of_every_request_when_it_ends(
    server: tuple[str, "subprocess.Popen[bytes]"], tmp_path: Path
) -> None:
    address, process = server
    _wait_until_ready(address, process)
    for number in range(20):
        requests.get(f"{address}/api/categories", headers={"X-Request-ID": f"told-{number}"}, timeout=PATIENCE_S)
    process.send_signal(signal.SIGTERM)
    assert process.wait(GONE_S) == 0
    spoken = (tmp_path / "said").read_text().splitlines()
    lines = [json.loads(line) for line in spoken if line.startswith("{")]  # granian has a few words of its own
    told = [line["request_id"] for line in lines if line["event"] == "request"]
    assert sorted(told) == sorted(f"told-{number}" for number in range(20))


def _wait_until_ready(address: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server has ended"
        try:
            if requests.get(f"{address}/health", timeout=2).ok:
                return
        except (requests.ConnectionError, requests.Timeout):
            time.sleep(0.05)
    raise AssertionError("the server does not answer")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
