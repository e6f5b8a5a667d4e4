"""Every row of the route table answers, says who may call it, and stands in the OpenAPI document."""

import re

import pytest
from falcon import testing

from api.app import create_app
from api.openapi import SIGNED_IN
from api.routes import ROUTES
from api.routing import Access, Route
from services.bus import bus
from settings import Settings

ADDRESSES = [(route, path) for route in ROUTES for path in route.paths]
STATIC_ID = "01890000-0000-7000-8000-000000000000"


@pytest.fixture
def client(opened: Settings, db: None) -> testing.TestClient:
    return testing.TestClient(create_app(bus.settings))


def test_no_address_is_given_twice() -> None:
    seen = [(route.method, path) for route, path in ADDRESSES]
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize(("route", "path"), ADDRESSES, ids=lambda value: value if isinstance(value, str) else "")
def test_every_address_is_documented_and_answers(client: testing.TestClient, route: Route, path: str) -> None:
    operation = client.simulate_get("/openapi.json").json["paths"][path][route.method.lower()]
    assert operation["summary"]
    assert operation["x-access"] == route.access
    concrete = re.sub(r"{\w+}", STATIC_ID, path)
    result = client.simulate_request(route.method, concrete)
    assert result.status_code != 405
    assert result.status_code < 500 or path == "/health/ready"
    if route.access in SIGNED_IN:
        assert result.status_code == 401


def test_operations_have_names_of_their_own(client: testing.TestClient) -> None:
    paths = client.simulate_get("/openapi.json").json["paths"]
    names = [operation["operationId"] for operations in paths.values() for operation in operations.values()]
    assert len(names) == len(set(names))


def test_the_reference_page_shows_every_address(client: testing.TestClient) -> None:
    page = client.simulate_get("/docs").text
    assert [path for _, path in ADDRESSES if path not in page] == []


def test_a_secret_route_wants_the_secret(client: testing.TestClient) -> None:
    for route, path in ADDRESSES:
        if route.access is Access.SECRET:
            assert client.simulate_request(route.method, re.sub(r"{\w+}", "x", path)).status_code == 401
