"""A stage for tests that need the whole server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.ingest.stage import Stage

# A machine that is busy with encoders is slow, and that says nothing about the code.
settings.register_profile("beside_encoders", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("beside_encoders")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A server with the usual limits."""
    running = Stage(tmp_path / "hls")
    try:
        yield running
    finally:
        running.close()
