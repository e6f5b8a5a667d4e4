"""Live ladders on real workers: what is left of them when a worker is told to stop, or dies."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import psutil
import pytest

from db.connection import connection
from db.models.streams import IngestSession, Stream
from services import clock, transcode_register
from settings import Settings
from tests.relay import FakeRelay, eventually, fake_relay, make_flv

ROOT = Path(__file__).parents[2]
Start = Callable[[str], subprocess.Popen[bytes]]
READY = " ready."


@pytest.fixture
def relay() -> Iterator[FakeRelay]:
    with fake_relay(make_flv(3, "640x480")) as relay:
        yield relay


@pytest.fixture
def start_worker(committed_db: Settings, relay: FakeRelay, tmp_path: Path) -> Iterator[Start]:
    """Starts workers for live ladders, and waits until they are ready; all are gone after the test."""
    address = urlsplit(committed_db.redis_url)
    database = parse_qs(address.query).get("db", ["0"])[0]
    own = {
        "DATABASE_URL": committed_db.database_url,
        "DATABASE_OWNER_URL": committed_db.database_owner_url,
        "REDIS_URL": committed_db.redis_url,
        "CELERY_BROKER_URL": f"redis+socket://{address.path}?virtual_host={database}",
        "DATA_DIR": str(committed_db.data_dir),
        "RELAY_URL": relay.url,
        "LOG_LEVEL": "info",
    }
    with ExitStack() as workers:
        yield lambda name: workers.enter_context(_worker(name, os.environ | own, tmp_path / name))


@contextmanager
def _worker(name: str, environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "celery", "--quiet", "--app", "workers.app", "worker", "--queues", "transcode"]
    options = ["--pool", "threads", "--concurrency", "2", "--hostname", f"{name}@%h", "--without-mingle"]
    with (
        log.open("wb") as said,
        subprocess.Popen([*command, *options], cwd=ROOT, env=environment, stdout=said, stderr=said) as worker,
    ):
        try:
            eventually(lambda: READY in log.read_text())
            yield worker
        finally:
            worker.kill()


def live_stream() -> UUID:
    """A live stream whose ladder was asked for long ago."""
    with connection():
        stream = Stream.create(title="Live", status="LIVE", started_at=clock.now())
        IngestSession.create(stream=stream, server="test", width=640, height=480, audio_codec="aac")
        stream_id = UUID(str(stream.id))
    with clock.frozen(clock.now() - timedelta(minutes=1)):
        transcode_register.expect(stream_id)
    return stream_id


def ffmpeg_of(worker: subprocess.Popen[bytes]) -> psutil.Process | None:
    children = psutil.Process(worker.pid).children()
    return next((child for child in children if child.name().startswith("ffmpeg")), None)


@pytest.mark.parametrize("last_words", [signal.SIGTERM, signal.SIGKILL])
def test_another_worker_goes_on_within_five_seconds(
    start_worker: Start, relay: FakeRelay, last_words: signal.Signals
) -> None:
    live_stream()
    first = start_worker("first")
    eventually(lambda: relay.posts["360p"])
    second = start_worker("second")
    the_ffmpeg = ffmpeg_of(first)
    assert the_ffmpeg is not None
    first.send_signal(last_words)
    eventually(lambda: len(relay.posts["360p"]) == 2, limit_s=5)
    eventually(lambda: not the_ffmpeg.is_running(), limit_s=5)
    assert ffmpeg_of(second) is not None
    assert first.wait(10) == (-signal.SIGKILL if last_words is signal.SIGKILL else 0)
