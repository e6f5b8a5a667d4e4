"""What people are answered while a store takes nothing."""

from typing import Any

import falcon
import pytest
from falcon import testing

from api.app import create_app
from db.connection import query
from db.transactions import atomic
from services.bus import bus
from settings import Settings


class Refused:
    """Runs a statement that PostgreSQL refuses with the condition that the path names."""

    def on_get(self, _req: Any, _resp: Any, condition: str) -> None:
        with atomic():
            query(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{condition}'; END $$")


@pytest.fixture
def client(opened: Settings) -> testing.TestClient:
    app = create_app(bus.settings)
    app.add_route("/refused/{condition}", Refused())
    return testing.TestClient(app)


@pytest.mark.parametrize(
    ("condition", "code"), [("disk_full", "storage_full"), ("too_many_connections", "unavailable")]
)
def test_a_database_without_room_is_told_from_one_that_is_away(
    client: testing.TestClient, condition: str, code: str
) -> None:
    refused = client.simulate_get(f"/refused/{condition}")
    assert (refused.status, refused.json["code"]) == (falcon.HTTP_503, code)
    assert int(refused.headers["Retry-After"]) > 0
    assert refused.json["success"] is False
