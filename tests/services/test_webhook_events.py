"""Stored webhooks as operators see them: in one state or in any, newest first."""

from collections.abc import Iterator

import pytest

from services import webhook_events
from services.payment_providers import payment_providers
from services.webhook_events import State
from tests.payments import FakeProvider, deliver


@pytest.fixture(autouse=True)
def provider(db: None) -> Iterator[None]:
    payment_providers.use({"stripe": FakeProvider()})
    yield
    payment_providers.reset()


def listed(state: State | None) -> list[str]:
    """The events' own ids, page by page of two."""
    found, cursor = [], None
    while True:
        page = webhook_events.webhook_events(state, 2, cursor)
        found += [event.event_id for event in page.items]
        if (cursor := page.next_cursor) is None:
            return found


def test_they_are_listed_in_one_state_or_in_any_newest_first() -> None:
    for name in ("first", "second", "third"):
        deliver({"id": f"evt_{name}", "type": "charge.succeeded", "data": {"object": {}}})
    deliver({"id": "evt_odd", "type": "charge.refunded", "data": {"object": {"amount_refunded": "much"}}})
    assert listed(None) == ["evt_odd", "evt_third", "evt_second", "evt_first"]
    assert listed(State.IGNORED) == ["evt_third", "evt_second", "evt_first"]
    assert listed(State.FAILED) == ["evt_odd"]
    assert listed(State.PROCESSED) == []
