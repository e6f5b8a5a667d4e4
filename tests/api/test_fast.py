"""The same application under granian: it answers, keeps who asks apart, and ends when it is told to."""

import contextlib
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


@pytest.fixture
def server(committed_db: Settings) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """An API of two processes on a port of its own, and its address."""
    port = _free_port()
    stores = {"DATABASE_URL": committed_db.database_url, "REDIS_URL": committed_db.redis_url}
    process = subprocess.Popen(
        [sys.executable, "-m", "api.fast"],
        cwd=ROOT,
        env={**os.environ, **stores, "PORT": str(port)},
        start_new_session=True,
    )
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its workers with it
        process.wait(GONE_S)


def test_granian_serves_the_api_and_stops_cleanly(server: tuple[str, "subprocess.Popen[bytes]"]) -> None:
    address, process = server
    _wait_until_ready(address, process)
    streamer = make_user(role=Role.STREAMER)
    stream = make_stream(make_channel(streamer), title="Under granian")
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


def _wait_until_ready(address: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "granian has ended"
        try:
            if requests.get(f"{address}/health", timeout=2).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise AssertionError("granian does not answer")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
