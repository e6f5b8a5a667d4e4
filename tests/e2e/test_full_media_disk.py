"""The disk of the live segments fills up during a broadcast; the database, Redis and uploads have their own."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.e2e.encoder import steady_encoder
from tests.e2e.load import NO_LIMIT, RECOVERS_WITHIN_S, Load, is_ready, processes
from tests.e2e.playlists import last_number
from tests.e2e.small_disk import full, small_disk
from tests.e2e.stack import Stack, running, until
from tests.e2e.talker import Talker, at_work
from tests.folders import open_folder

DISK_MB = 48


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with open_folder("astrotv-media-") as folder:
        disk = folder / "disk"
        disk.mkdir()
        with small_disk(disk, DISK_MB), running(folder / "stack", **NO_LIMIT, HLS_PATH=str(disk)) as started:
            yield started


def no_room(stack: Stack) -> AbstractContextManager[None]:
    disk: Path = stack.data_dir.parent / "disk"
    return full(disk, lambda: [*processes(stack, "ingest"), *processes(stack, "celery", "media@")])


def live(stack: Stack) -> list[Any]:
    return list(stack.call("GET", "/api/streams"))


def source_of(stream: dict[str, Any]) -> str:
    return str(stream["playback"]["hls"]).replace("index.m3u8", "source/index.m3u8")


def failures(stack: Stack) -> float:
    """How often ingest has counted that the disk took nothing."""
    shown = requests.get(f"http://localhost:{stack.ports['RELAY_PORT']}/metrics", timeout=5).text
    name = "astrotv_ingest_storage_failures_total "
    return float(next(line for line in shown.splitlines() if line.startswith(name)).removeprefix(name))


def told(stack: Stack, token: str) -> int:
    """How often somebody was told that a broadcast began."""
    items = stack.call("GET", "/api/notifications?limit=50", token)
    return sum(item["kind"] == "stream_started" for item in items)


def test_a_broadcast_whose_disk_is_full_ends_and_the_next_begins_when_there_is_room(stack: Stack) -> None:
    streamer, follower = stack.sign_in("streamer"), stack.sign_in("viewer")
    key = str(stack.call("GET", "/api/auth/stream-key", streamer)["streamKey"])
    stack.call("POST", f"/api/users/{stack.call('GET', '/api/auth/me', streamer)['id']}/follow", follower)
    load, talker = Load(stack), Talker(stack)
    with steady_encoder(stack, key):
        (first,) = until(lambda: live(stack), 30)
        until(lambda: last_number(source_of(first)) > 2, 30)
        heard = until(lambda: told(stack, follower))
        with load.at_work(), at_work(talker.talk):
            with no_room(stack):
                until(lambda: not live(stack), RECOVERS_WITHIN_S)
                until(lambda: failures(stack) > 3, 30)  # it was cut off once, and came back in vain
                assert "the media folder cannot be written" in stack.printed()
                assert "no room for a broadcast" in stack.printed()
                load.recovered()
                so_far = len(talker.acknowledged)
                until(lambda: len(talker.acknowledged) > so_far + 2, why=lambda: (talker.visits, talker.refusals[-3:]))
                assert stack.call("GET", f"/api/streams/{first['id']}")["status"] == "ENDED"
                assert told(stack, follower) == heard, "nobody is told of a broadcast that cannot be"
            (second,) = until(lambda: live(stack), RECOVERS_WITHIN_S)
            until(lambda: last_number(source_of(second)) > 2, 30)
            until(lambda: is_ready(stack), RECOVERS_WITHIN_S)
    assert second["id"] != first["id"]
    assert not load.refusals, "posts need nothing of that disk"
    assert talker.refusals == []
    load.nothing_is_lost()
    assert last_number(source_of(first)) > 2, "what was shown stays"
