"""Whatever the OpenAPI document allows, and much that it forbids, is answered as the document says.

A bounded run of schemathesis over every operation, with all of its checks that need no second
server; `make fuzz` runs many more examples.
"""

import os
from collections.abc import Iterable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import checks

from api.app import create_app
from api.openapi import document, operation_id
from api.routes import ROUTES
from services.actors import Role
from services.bus import bus
from settings import Settings
from tests.factories import bearer, make_user

EXAMPLES = int(os.environ.get("ASTROTV_FUZZ_EXAMPLES", "6"))
checks.load_all_checks()
CHECKS = checks.CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "negative_data_rejection",
        "missing_required_header",
        "unsupported_method",
        "allow_header_conformance",
    ]
)


class Stage:
    """Where the application stands: the schema must have one before the stores are open."""

    application: Any = None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        found: Iterable[bytes] = self.application(environ, start_response)
        return found


STAGE = Stage()
SCHEMA = schemathesis.openapi.from_dict(document(ROUTES))
SCHEMA.app = STAGE
SCHEMA.config.update(base_url="http://localhost")


@pytest.fixture
def headers(opened: Settings, db: None) -> dict[str, str]:
    """An administrator, who gets furthest into every operation."""
    STAGE.application = create_app(bus.settings)
    return bearer(make_user(role=Role.ADMIN))


# Other addresses of an operation are the same entry of the route table.
@SCHEMA.include(operation_id=[operation_id(route.method, route.path) for route in ROUTES]).parametrize()
@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)
def test_an_operation_answers_as_it_is_documented(case: schemathesis.Case[Any], headers: dict[str, str]) -> None:
    bus.redis.delete(*bus.redis.keys("throttle:*") or ["none"])
    case.call_and_validate(headers=headers, checks=list(CHECKS))  # type: ignore[arg-type]  # its own alias is wider
