"""The first page of live streams is made once for all who ask within a moment, and never behind by more."""

from collections.abc import Iterator

import msgspec
import pytest
from falcon import testing

from api.app import create_app
from api.kept_answers import MOST, KeptAnswers
from services.actors import Role
from services.bus import bus
from settings import Settings
from tests.factories import make_channel, make_stream, make_user
from tests.statements import statements

Client = testing.TestClient
KEPT_MS = 1000


@pytest.fixture
def keeping(opened: Settings) -> Iterator[Client]:
    """A client of an application that keeps the list for a second."""
    before = bus.settings
    bus.settings = msgspec.structs.replace(before, list_kept_ms=KEPT_MS)
    try:
        yield Client(create_app(bus.settings))
    finally:
        bus.settings = before


def go_live(title: str) -> None:
    make_stream(make_channel(make_user(role=Role.STREAMER)), title=title)


def titles(client: Client, query: str = "") -> list[str]:
    return [stream["title"] for stream in client.simulate_get(f"/api/streams{query}").json["data"]]


def test_the_second_who_asks_costs_the_database_nothing_and_gets_the_same(keeping: Client) -> None:
    go_live("Comet")
    first = keeping.simulate_get("/api/streams")
    with statements() as sent:
        second = keeping.simulate_get("/api/streams")
    assert sent == []
    assert (second.text, second.headers["etag"]) == (first.text, first.headers["etag"])
    assert second.headers["cache-control"] == "public, max-age=1"
    again = keeping.simulate_get("/api/streams", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.text) == (304, "")


def test_other_questions_have_other_answers(keeping: Client) -> None:
    go_live("Comet")
    assert titles(keeping) == ["Comet"]
    assert titles(keeping, "?tag=nothing") == []
    assert titles(keeping, "?limit=1&sort=recent") == ["Comet"]
    assert titles(keeping, "?q=nova") == []
    go_live("Nova")
    assert titles(keeping, "?q=nova") == ["Nova"], "a search is never kept"


def test_with_the_setting_at_nought_every_answer_is_new(client: Client) -> None:
    assert titles(client) == []
    go_live("Comet")
    assert titles(client) == ["Comet"]


def test_an_answer_is_as_old_as_its_question_and_no_older_than_allowed() -> None:
    times = iter([0.0, 0.9, 1.0, 1.1])
    kept, made = KeptAnswers(lambda: next(times)), iter(b"abc")
    seen = [kept.of("list", 1.0, lambda: (bytes([next(made)]), "tag")).body for _ in range(4)]
    assert seen == [b"a", b"a", b"b", b"b"]


def test_questions_without_end_do_not_fill_the_memory() -> None:
    kept = KeptAnswers()
    for number in range(3 * MOST):
        kept.of(number, 10, lambda: (b"", ""))
    assert len(kept._known) <= MOST
