"""The API is tried through Falcon's test client, inside a transaction that is rolled back."""

from collections.abc import Iterator

import pytest
from falcon import testing

from api.app import create_app
from services.bus import bus
from settings import Settings


@pytest.fixture(autouse=True)
def _database(request: pytest.FixtureRequest) -> None:
    if "committed_db" not in request.fixturenames:
        request.getfixturevalue("db")


@pytest.fixture
def client(opened: Settings) -> Iterator[testing.TestClient]:
    """A client of the application as it runs."""
    yield testing.TestClient(create_app(bus.settings))
