"""A whole AstroTV on a disk that fills up: what cannot be kept is refused, nothing half stays, and room heals all."""

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest
import requests

from tests.e2e.load import NO_LIMIT, RECOVERS_WITHIN_S, is_ready, processes
from tests.e2e.stack import Stack, running, until
from tests.folders import open_folder
from tests.pictures import picture

DISK_MB = 460


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with open_folder("astrotv-full-") as folder, _small_disk(folder), running(folder / "stack", **NO_LIMIT) as started:
        yield started


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    """Make the folder a disk of its own, where we may."""
    mounted = _run("mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=755", "astrotv-test", str(folder))
    try:
        yield
    finally:
        if mounted:
            _run("umount", "--lazy", str(folder))


def _run(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@contextmanager
def full(stack: Stack) -> Iterator[None]:
    """Leave no room: on a disk of our own by filling it, else by forbidding our processes to write to files."""
    with ExitStack() as undo:
        if os.path.ismount(stack.data_dir.parent):
            ballast = stack.data_dir.parent / "ballast"
            undo.callback(ballast.unlink)
            _fill(ballast)
        else:
            for process in _writers(stack):
                before = process.rlimit(psutil.RLIMIT_FSIZE)
                process.rlimit(psutil.RLIMIT_FSIZE, (0, before[1]))
                undo.callback(process.rlimit, psutil.RLIMIT_FSIZE, before)
        yield


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        for piece in (1 << 20, 1 << 12, 1):
            try:
                while file.write(bytes(piece)):
                    pass
            except OSError:
                continue


def _writers(stack: Stack) -> list[psutil.Process]:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
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
    with full(stack):
        refused = hand_in(stack, viewer)
        assert refused.status_code in (503, 507), refused.text
        assert refused.json()["code"] in ("storage_full", "unavailable")
        assert not is_ready(stack)
        assert requests.get(f"{stack.url}/health", timeout=5).ok
        until(lambda: not half_files(stack), why=lambda: half_files(stack))
    until(lambda: is_ready(stack), RECOVERS_WITHIN_S)
    until(lambda: hand_in(stack, viewer).status_code == 201, RECOVERS_WITHIN_S)
