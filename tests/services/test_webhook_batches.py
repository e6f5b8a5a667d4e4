"""Webhooks settled together: each coin arrives once, and no event suffers from its neighbours."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg2
import pytest

from db.connection import connection, query
from db.models.coin_purchases import CoinPurchase
from services import jobs as every_job
from services import reconciliation, wake_ups, wallets, webhook_batches, webhooks
from services.payment_providers import payment_providers
from services.tracing import with_request_id
from services.webhook_events import State
from settings import Settings
from tests.factories import make_user
from tests.fakes import FakeJobs
from tests.payments import (
    COINS,
    PRICE,
    FakeProvider,
    async_succeeded,
    completed,
    dispute,
    make_purchase,
    refunded,
    signed,
    state_of,
    stored_id,
)


@pytest.fixture(autouse=True)
def provider(request: pytest.FixtureRequest, _database: None) -> Iterator[None]:
    if "committed_db" in request.fixturenames:
        request.getfixturevalue("committed_db")
    payment_providers.use({"stripe": FakeProvider()})
    yield
    payment_providers.reset()


def _receive(*events: dict[str, Any]) -> None:
    for event in events:
        webhooks.receive("stripe", *signed(event))


def _balance(purchase: CoinPurchase) -> int:
    return wallets.wallet_of(purchase.user_id).balance


def _status(purchase: CoinPurchase) -> str:
    return str(CoinPurchase.get_by_id(purchase.id).status)


def test_many_events_are_one_job_and_one_round_of_letters(jobs: FakeJobs) -> None:
    purchases = [make_purchase(make_user()) for _ in range(3)]
    _receive(*map(completed, purchases))
    assert [job.name for job in jobs.sent] == ["webhooks.settle"]
    jobs.sent.clear()
    webhook_batches.settle_waiting()
    assert [(_status(each), _balance(each)) for each in purchases] == [("paid", COINS)] * 3
    assert query("SELECT DISTINCT state, processed_at IS NULL FROM webhook_events") == [("PROCESSED", False)]
    [letters] = jobs.sent
    told = query("SELECT id::text FROM notifications")
    assert letters.name == "notifications.mail"
    assert sorted(str(each) for each in letters.arguments["ids"]) == sorted(each for (each,) in told)  # type: ignore[attr-defined]
    assert reconciliation.reconcile().clean


def test_a_backlog_is_worked_off_by_one_job() -> None:
    buyer = make_user()
    _receive(*(completed(make_purchase(buyer)) for _ in range(2 * webhook_batches.BATCH + 1)))
    webhook_batches.settle_waiting()
    assert wallets.wallet_of(buyer.id).balance == (2 * webhook_batches.BATCH + 1) * COINS


def test_a_job_that_has_done_its_share_asks_for_another(jobs: FakeJobs) -> None:
    buyer = make_user()
    _receive(*(completed(make_purchase(buyer)) for _ in range(webhook_batches.BATCH + 1)))
    webhook_batches.settle_waiting(most_batches=1)
    assert wallets.wallet_of(buyer.id).balance == webhook_batches.BATCH * COINS
    assert len(jobs.named("webhooks.settle")) == 2
    webhook_batches.settle_waiting()
    assert wallets.wallet_of(buyer.id).balance == (webhook_batches.BATCH + 1) * COINS
    assert len(jobs.named("webhooks.settle")) == 2


def test_one_that_must_be_parked_leaves_its_neighbours_alone() -> None:
    before, wrong, after = (make_purchase(make_user()) for _ in range(3))
    events = [completed(before), completed(wrong, amount_total=PRICE - 1), completed(after)]
    _receive(*events)
    webhook_batches.settle_waiting()
    assert [state_of(event) for event in events] == [State.PROCESSED, State.FAILED, State.PROCESSED]
    assert [_balance(each) for each in (before, wrong, after)] == [COINS, 0, COINS]
    [(error, processed_at)] = query("SELECT error, processed_at FROM webhook_events WHERE state = 'FAILED'")
    assert error.startswith("PaymentMismatch: ordered 1990 PEN") and processed_at is None


def test_one_that_comes_too_early_gets_a_job_of_its_own(jobs: FakeJobs) -> None:
    early, other = make_purchase(make_user()), make_purchase(make_user())
    event = dispute(early, "created", "needs_response")
    with with_request_id("request-of-the-dispute"):
        _receive(event)
    _receive(completed(other))
    webhook_batches.settle_waiting()
    assert (_balance(other), state_of(event)) == (COINS, State.RECEIVED)
    [alone] = jobs.named("webhooks.process")
    assert alone.arguments == {"event_id": str(stored_id(event))}
    assert alone.request_id == "request-of-the-dispute"
    _receive(completed(early))
    webhook_batches.settle_waiting()
    webhooks.process(stored_id(event))
    assert (_status(early), _balance(early)) == ("disputed", 0)


def test_events_about_one_purchase_take_their_order_within_a_batch() -> None:
    purchase = make_purchase(make_user())
    _receive(completed(purchase), async_succeeded(purchase), refunded(purchase, PRICE // 2), refunded(purchase))
    webhook_batches.settle_waiting()
    assert (_status(purchase), _balance(purchase)) == ("refunded", 0)
    assert query("SELECT count(*) FROM webhook_events WHERE state = 'PROCESSED'") == [(3,)]
    assert reconciliation.reconcile().clean


def test_what_one_spoils_for_all_at_the_commit_is_tried_one_by_one(committed_db: Settings, jobs: FakeJobs) -> None:
    good, bad = make_purchase(make_user()), make_purchase(make_user())
    _refuse_at_commit(bad, committed_db)
    _receive(completed(good), completed(bad))
    webhook_batches.settle_waiting()
    assert (_balance(good), _balance(bad)) == (0, 0)
    alone = jobs.named("webhooks.process")
    assert len(alone) == 2
    for job in alone:
        webhooks.process(UUID(str(job.arguments["event_id"])))
    assert (_balance(good), _balance(bad)) == (COINS, 0)
    assert query("SELECT state FROM webhook_events ORDER BY id") == [("PROCESSED",), ("FAILED",)]
    assert reconciliation.reconcile().clean


def _refuse_at_commit(purchase: CoinPurchase, settings: Settings) -> None:
    """Let the database find, only when all is written, that this purchase must not be paid."""
    owner = psycopg2.connect(settings.database_owner_url)
    with owner, owner.cursor() as cursor:
        cursor.execute(
            f"""CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION 'not this one' USING ERRCODE = 'check_violation'; END $$;
                CREATE CONSTRAINT TRIGGER refused AFTER UPDATE ON coin_purchases DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW WHEN (NEW.id = '{purchase.id}') EXECUTE FUNCTION refuse()"""
        )
    owner.close()


def test_workers_that_look_at_once_credit_each_purchase_once(committed_db: Settings) -> None:
    buyers = [make_user() for _ in range(4)]
    purchases = [make_purchase(buyers[number % 4]) for number in range(40)]
    events = [event for each in purchases for event in (completed(each), async_succeeded(each))]

    def work(number: int) -> None:
        with connection():
            _receive(*events[number::8])
            webhook_batches.settle_waiting()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    webhook_batches.settle_waiting()
    assert query("SELECT state, count(*) FROM webhook_events GROUP BY 1 ORDER BY 1") == [
        ("IGNORED", 40),
        ("PROCESSED", 40),
    ]
    assert [wallets.wallet_of(buyer.id).balance for buyer in buyers] == [10 * COINS] * 4
    assert reconciliation.reconcile().clean


def test_somebody_is_woken_again_only_after_they_rested(jobs: FakeJobs) -> None:
    for _ in range(3):
        wake_ups.wake(every_job.SETTLE_WEBHOOKS)
    assert len(jobs.sent) == 1
    wake_ups.rest(every_job.SETTLE_WEBHOOKS)
    wake_ups.wake(every_job.SETTLE_WEBHOOKS)
    assert len(jobs.sent) == 2


def test_a_worker_that_found_nothing_more_is_woken_by_the_next_event(jobs: FakeJobs) -> None:
    for _ in range(2):
        _receive(completed(make_purchase(make_user())))
        webhook_batches.settle_waiting()
    assert len(jobs.named("webhooks.settle")) == 2


def test_an_event_is_kept_where_nobody_can_be_woken(jobs: FakeJobs) -> None:
    purchase = make_purchase(make_user())
    jobs.away = True
    _receive(completed(purchase))
    webhook_batches.settle_waiting()
    assert _balance(purchase) == COINS
