"""A whole AstroTV on a disk that fills up: what cannot be kept is refused, nothing half stays, and room heals all."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest
import requests

from tests.e2e.encoder import steady_encoder
from tests.e2e.load import (
    NO_LIMIT,
    RECOVERS_WITHIN_S,
    Load,
    is_ready,
    postmaster,
    processes,
    revivals,
    wallet_grows,
)
from tests.e2e.small_disk import full, small_disk
from tests.e2e.stack import Stack, running, until
from tests.e2e.talker import Talker, at_work
from tests.folders import open_folder
from tests.pictures import picture

DISK_MB = 460


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with (
        open_folder("astrotv-full-") as folder,
        small_disk(folder, DISK_MB),
        running(folder / "stack", log_folder=str(tmp_path_factory.mktemp("log")), **NO_LIMIT) as started,
    ):
        yield started


def no_room(stack: Stack) -> AbstractContextManager[None]:
    """Nobody can write, the stores included."""
    return full(stack.data_dir.parent, lambda: [psutil.Process(stack.process.pid), *stack.children()])


def no_room_for_files(stack: Stack) -> AbstractContextManager[None]:
    """Nobody who keeps files of ours can write them."""
    return full(stack.data_dir.parent, lambda: keepers(stack))


def keepers(stack: Stack) -> list[psutil.Process]:
    return [*processes(stack, "gunicorn"), *processes(stack, "ingest"), *processes(stack, "celery", "media@")]


def hand_in(stack: Stack, token: str) -> requests.Response:
    files = [("files", ("a.png", picture("PNG", (600, 400)), "image/png"))]
    headers = {"Authorization": f"Bearer {token}"}
    return requests.post(
        f"{stack.url}/api/content/posts", data={"text": "Look"}, files=files, headers=headers, timeout=30
    )


def half_files(stack: Stack) -> list[Path]:
    """What an upload or the packager may have left unfinished."""
    spool = stack.data_dir / "spool"
    return [path for path in (*spool.rglob("*"), *(stack.data_dir / "media").rglob("*.part")) if path.is_file()]


def test_uploads_are_refused_while_there_is_no_room_and_leave_nothing(stack: Stack) -> None:
    viewer = stack.sign_in("viewer")
    with no_room_for_files(stack):
        refused = hand_in(stack, viewer)
        assert refused.status_code in (503, 507), refused.text
        assert refused.json()["code"] in ("storage_full", "unavailable")
        assert not is_ready(stack)
        assert requests.get(f"{stack.url}/health", timeout=5).ok
        until(lambda: not half_files(stack), why=lambda: half_files(stack))
    until(lambda: is_ready(stack), RECOVERS_WITHIN_S)
    until(lambda: hand_in(stack, viewer).status_code == 201, RECOVERS_WITHIN_S)


def test_a_database_that_gave_up_for_want_of_room_and_all_around_it_come_back_by_themselves(stack: Stack) -> None:
    key = str(stack.call("GET", "/api/auth/stream-key", stack.sign_in("streamer"))["streamKey"])
    load, talker = Load(stack), Talker(stack)
    server, before = postmaster(stack), revivals(stack, "postgres")
    with steady_encoder(stack, key):
        until(lambda: live(stack), 30)
        with load.at_work(), at_work(talker.talk):
            until(lambda: len(talker.acknowledged) > 2, 30)
            with no_room(stack):
                until(lambda: load.refusals[503] > 20, 30, lambda: load.refusals)
                give_up(stack, server)
                assert requests.get(f"{stack.url}/health", timeout=5).ok, "liveness asks no store"
                assert not is_ready(stack)
                so_far = len(talker.acknowledged)
            load.recovered()
            until(lambda: revivals(stack, "postgres") > before, RECOVERS_WITHIN_S)
            until(lambda: is_ready(stack), RECOVERS_WITHIN_S)
            until(lambda: len(talker.acknowledged) > so_far, RECOVERS_WITHIN_S, lambda: talker.refusals[-3:])
            (stream,) = until(lambda: live(stack), RECOVERS_WITHIN_S)
        wallet_grows(stack, RECOVERS_WITHIN_S)
    load.nothing_is_lost()
    nothing_said_is_lost(talker)
    until(partial(is_recorded, stack, stream["id"]), 90)


def give_up(stack: Stack, server: psutil.Process) -> None:
    """Have PostgreSQL need another file for its log, which it cannot do without: it ends, and cannot start."""
    address = json.loads((stack.data_dir / "running.json").read_text())["environment"]["DATABASE_OWNER_URL"]
    try:
        connection = psycopg2.connect(address)
        connection.autocommit = True
        with connection.cursor() as cursor:
            while True:
                cursor.execute("SELECT pg_logical_emit_message(false, 'test', 'x'), pg_switch_wal()")
    except psycopg2.OperationalError:
        until(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE, 30)


def nothing_said_is_lost(talker: Talker) -> None:
    """Each message that was acknowledged is there, in order and once; every refusal named its reason."""
    (first, _), *others = talker.acknowledged.items()
    told = [(message["id"], message["text"]) for message in talker.missed_since(first)]
    assert told == others
    assert {refusal["code"] for refusal in talker.refusals} <= {"unavailable"}, talker.refusals


def live(stack: Stack) -> list[Any]:
    answer = requests.get(f"{stack.url}/api/streams", timeout=15)
    return list(answer.json()["data"]) if answer.ok else []


def is_recorded(stack: Stack, stream_id: str) -> bool:
    stream = stack.call("GET", f"/api/streams/{stream_id}")
    return stream["status"] == "ENDED" and bool(stream["playback"]["recording"])
