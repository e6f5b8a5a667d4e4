"""Folders for clusters of these tests alone: short paths, since sockets live in them."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a space in its name, reachable by PostgreSQL's account."""
    place = Path(tempfile.mkdtemp(prefix="astrotv test ", dir="/tmp"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place, ignore_errors=True)
