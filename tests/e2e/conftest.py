"""What end-to-end tests share."""

from collections.abc import Iterator

import pytest

from settings import Settings
from tests.e2e.shop import Shop, open_shop
from tests.fakes import FakeJobs


@pytest.fixture
def shop(committed_db: Settings, jobs: FakeJobs) -> Iterator[Shop]:
    """A shop with a buyer."""
    with open_shop(committed_db, jobs) as opened:
        yield opened
