"""Webhooks that nobody processed, or whose worker is gone, are asked for again; those in somebody's hands are not."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from db.connection import connection, query
from db.models.webhook_events import WebhookEvent
from db.transactions import atomic
from services import clock, wake_ups, webhooks
from services.jobs import SETTLE_WEBHOOKS
from services.payment_providers import payment_providers
from services.webhook_events import SETTLING_S
from settings import Settings
from tests.factories import make_user
from tests.fakes import FakeJobs
from tests.payments import FakeProvider, completed, make_purchase, signed, stored_id


@pytest.fixture(autouse=True)
def provider(request: pytest.FixtureRequest, _database: None) -> Iterator[FakeProvider]:
    if "committed_db" in request.fixturenames:
        request.getfixturevalue("committed_db")
    fake = FakeProvider()
    payment_providers.use({"stripe": fake})
    yield fake
    payment_providers.reset()


def test_the_sweeper_finds_what_was_never_processed(jobs: FakeJobs) -> None:
    purchase = make_purchase(make_user())
    event = completed(purchase)
    jobs.away = True
    webhooks.receive("stripe", *signed(event))
    jobs.away = False
    wake_ups.rest(SETTLE_WEBHOOKS)  # nobody came: they are believed to come for some seconds only
    webhooks.sweep()
    assert jobs.sent == []
    with clock.frozen(clock.now() + timedelta(seconds=SETTLING_S)):
        webhooks.sweep()
        webhooks.sweep()
    assert [job.name for job in jobs.sent] == ["webhooks.settle"]


def test_the_sweeper_passes_over_what_a_living_worker_settles(committed_db: Settings, jobs: FakeJobs) -> None:
    event = completed(make_purchase(make_user()))
    webhooks.receive("stripe", *signed(event))
    query("UPDATE webhook_events SET attempts = 1, next_attempt_at = received_at")
    with ThreadPoolExecutor(1) as pool:
        with atomic():
            WebhookEvent.select().for_update().get()
            assert pool.submit(_swept).result() == 0
        assert pool.submit(_swept).result() == 1


def _swept() -> int:
    with connection():
        return webhooks.sweep()


def test_the_sweeper_asks_alone_for_what_a_worker_left_behind(jobs: FakeJobs) -> None:
    event = completed(make_purchase(make_user()))
    webhooks.receive("stripe", *signed(event))
    query("UPDATE webhook_events SET attempts = 1")
    jobs.sent.clear()
    assert webhooks.sweep() == 0
    with clock.frozen(clock.now() + timedelta(seconds=SETTLING_S)):
        assert webhooks.sweep() == 1
        assert webhooks.sweep() == 0
    [job] = jobs.sent
    assert (job.name, job.arguments) == ("webhooks.process", {"event_id": str(stored_id(event))})


def test_the_sweeper_does_not_wait_for_a_time_that_was_noted_before_the_clock_went_back(jobs: FakeJobs) -> None:
    with clock.frozen(clock.now() + timedelta(minutes=5)):
        webhooks.receive("stripe", *signed(completed(make_purchase(make_user()))))
        query("UPDATE webhook_events SET attempts = 1")
    jobs.sent.clear()
    assert [webhooks.sweep(), webhooks.sweep()] == [1, 0]
    assert [job.name for job in jobs.sent] == ["webhooks.process"]


def test_the_sweeper_wakes_for_what_came_before_the_clock_went_back(jobs: FakeJobs) -> None:
    with clock.frozen(clock.now() + timedelta(minutes=5)):
        webhooks.receive("stripe", *signed(completed(make_purchase(make_user()))))
    jobs.sent.clear()
    wake_ups.rest(SETTLE_WEBHOOKS)
    webhooks.sweep()
    assert [job.name for job in jobs.sent] == ["webhooks.settle"]


@pytest.mark.parametrize(("attempts", "waits_s"), [(1, 1.5), (4, 12), (12, 450)])
def test_what_was_put_off_is_left_alone_until_its_time(jobs: FakeJobs, attempts: int, waits_s: float) -> None:
    webhooks.receive("stripe", *signed(completed(make_purchase(make_user()))))
    due_at = clock.now() + timedelta(seconds=waits_s)
    query("UPDATE webhook_events SET attempts = %s, next_attempt_at = %s", (attempts, due_at))
    assert webhooks.sweep() == 0
    with clock.frozen(due_at):
        assert webhooks.sweep() == 1
