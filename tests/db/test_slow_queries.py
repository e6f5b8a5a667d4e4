"""Slow statements in the log: which, for whom, and in development why."""

from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
import structlog
from falcon import testing

from api.app import create_app
from db.connection import SYSTEM_ROLE, acting_as, open_database, query
from db.slow_queries import slow_queries
from db.transactions import atomic
from services.tracing import with_request_id
from settings import Settings
from tests.e2e.stack import until
from tests.factories import make_user

SLOW = "SELECT id FROM users, pg_sleep(0.05) WHERE username = %s"
Line = MutableMapping[str, Any]


@pytest.fixture
def heard(committed_db: Settings) -> Iterator[list[Line]]:
    """What is logged in development; the process hears of nothing slow afterwards."""
    open_database(committed_db.database_url, pool_size=5, slow_query_ms=30, explains=True, acts_as=SYSTEM_ROLE)
    make_user(username="somebody")
    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as lines:
        yield lines
    slow_queries.listen(0)


def told(heard: list[Line]) -> list[Line]:
    """Of the statements that were slow on purpose."""
    return [line for line in heard if line["event"] == "slow_query" and "pg_sleep" in line["statement"]]


def test_a_slow_statement_is_told_with_its_request_and_its_plan_and_without_its_values(heard: list[Line]) -> None:
    with with_request_id("cause-1"):
        query(SLOW, ("somebody",))
        query("SELECT 1")
    [line] = until(lambda: told(heard))
    assert (line["request_id"], line["statement"]) == ("cause-1", SLOW)
    assert line["ms"] >= 50
    assert "Function Scan on pg_sleep" in line["plan"] and "users" in line["plan"]


def test_the_plan_of_a_change_changes_nothing(heard: list[Line]) -> None:
    user = make_user()
    with atomic():
        query(
            "UPDATE users SET follower_count = follower_count + 1 FROM pg_sleep(0.05) WHERE users.id = %s", (user.id,)
        )
    [line] = until(lambda: told(heard))
    assert line["plan"].startswith("Update on users")
    assert query("SELECT follower_count FROM users WHERE id = %s", (user.id,)) == [(1,)]


def test_the_plan_is_that_of_who_asked(heard: list[Line]) -> None:
    user = make_user()
    with acting_as(str(user.id), "viewer"):
        query("SELECT id FROM notifications, pg_sleep(0.05)")
    [line] = until(lambda: told(heard))
    assert "Filter" in line["plan"], "row-level security is part of it"


def test_outside_development_no_plan_is_asked_for(heard: list[Line]) -> None:
    slow_queries.listen(30)
    query(SLOW, ("somebody",))
    assert ["plan" in line for line in told(heard)] == [False]


def test_a_statement_that_no_plan_is_had_of_is_told_all_the_same(heard: list[Line]) -> None:
    query("CREATE TEMPORARY TABLE briefly AS SELECT 1 FROM pg_sleep(0.05)")
    query("SELECT * FROM briefly, pg_sleep(0.05)")
    first, second = until(lambda: told(heard) if len(told(heard)) == 2 else [])
    assert "plan" not in first
    assert second["plan"].startswith("none: relation")


def test_the_route_is_named(heard: list[Line], committed_db: Settings) -> None:
    slow_queries.listen(0.001)
    testing.TestClient(create_app(committed_db)).simulate_get("/api/streams/01900000-0000-7000-8000-000000000201")
    routes = {line["route"] for line in heard if line["event"] == "slow_query"}
    assert routes == {"/api/streams/{id}"}
