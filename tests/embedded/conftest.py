"""Folders for clusters of these tests alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.folders import open_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a space in its name."""
    with open_folder("astrotv test ") as place:
        yield place
