"""Webhooks: only the provider's are stored, and each moves coins exactly once, whatever the order."""

import contextlib
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest

from db.connection import connection, database, query
from db.models.coin_purchases import CoinPurchase
from db.models.webhook_events import WebhookEvent
from services import gifts, ledger, reconciliation, wallets, webhook_events, webhooks
from services.actors import Role
from services.errors import Conflict, Unavailable
from services.gifts import GiftOrder
from services.ledger import AccountKind
from services.payment_providers import payment_providers
from services.purchases import NotYet, PaymentMismatch
from services.webhook_events import State
from settings import Settings
from tests.factories import actor_of, make_user
from tests.fakes import FakeJobs
from tests.payments import (
    COINS,
    PRICE,
    FakeProvider,
    async_failed,
    async_succeeded,
    completed,
    deliver,
    dispute,
    expired,
    give_coins,
    make_purchase,
    refunded,
    signed,
    state_of,
    stored_id,
)


@pytest.fixture(autouse=True)
def provider(request: pytest.FixtureRequest, _database: None) -> Iterator[FakeProvider]:
    if "committed_db" in request.fixturenames:
        request.getfixturevalue("committed_db")
    fake = FakeProvider()
    payment_providers.use({"stripe": fake})
    yield fake
    payment_providers.reset()


def _balance(purchase: CoinPurchase) -> int:
    return wallets.wallet_of(purchase.user_id).balance


def _status(purchase: CoinPurchase) -> str:
    return str(CoinPurchase.get_by_id(purchase.id).status)


def _spend(purchase: CoinPurchase, coins: int) -> None:
    creator = make_user(role=Role.STREAMER)
    [(star,)] = query("SELECT id FROM gifts WHERE name = 'Star'")
    for _ in range(coins // 100):
        order = GiftOrder(gift_id=star, streamer_id=creator.id, quantity=100)
        gifts.give(actor_of(purchase.user), order)


def test_a_paid_checkout_credits_its_coins_and_tells_the_buyer(jobs: FakeJobs) -> None:
    purchase = make_purchase(make_user())
    deliver(completed(purchase))
    assert (_status(purchase), _balance(purchase)) == ("paid", COINS)
    [(kind, data)] = query("SELECT kind, data FROM notifications WHERE user_id = %s", (purchase.user_id,))
    assert kind == "payment"
    assert (data["coins"], data["balance"]) == (COINS, COINS)
    assert len(jobs.named("webhooks.settle")) == 1
    assert reconciliation.reconcile().clean


def test_the_same_webhook_fifty_times_at_once_credits_once(committed_db: Settings, jobs: FakeJobs) -> None:
    purchase = make_purchase(make_user())
    event = completed(purchase)

    def once(_: int) -> None:
        with connection():
            webhooks.receive("stripe", *signed(event))
            webhooks.process(stored_id(event))

    with ThreadPoolExecutor(25) as pool:
        list(pool.map(once, range(50)))
    assert WebhookEvent.select().count() == 1
    assert len(jobs.named("webhooks.settle")) == 1
    assert (_status(purchase), _balance(purchase)) == ("paid", COINS)
    assert reconciliation.reconcile().clean


def test_two_events_of_one_payment_at_once_credit_once(committed_db: Settings) -> None:
    purchase = make_purchase(make_user())

    def one(event: dict[str, Any]) -> None:
        with connection():
            deliver(event)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, [completed(purchase), async_succeeded(purchase)] * 4 + [completed(purchase)]))
    assert _balance(purchase) == COINS
    assert reconciliation.reconcile().clean


def test_a_worker_killed_at_any_statement_leaves_the_credit_to_the_next(
    committed_db: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for statement in range(1, 100):
        purchase = make_purchase(make_user())
        event = completed(purchase)
        webhooks.receive("stripe", *signed(event))
        with monkeypatch.context() as patch:
            killed = _killed_at(patch, statement, stored_id(event))
        assert _balance(purchase) in (0, COINS)
        webhooks.process(stored_id(event))
        assert (_status(purchase), _balance(purchase), state_of(event)) == ("paid", COINS, State.PROCESSED)
        if not killed:
            break
    assert statement > 10
    assert reconciliation.reconcile().clean


class Killed(BaseException):
    """The process is gone."""


def _killed_at(patch: pytest.MonkeyPatch, statement: int, event_id: UUID) -> bool:
    """Process an event in a process that dies instead of running its n-th statement."""
    execute, ran = database.execute_sql, itertools.count(1)

    def dying(*arguments: Any, **named: Any) -> Any:
        if next(ran) >= statement:
            raise Killed
        return execute(*arguments, **named)

    patch.setattr(database, "execute_sql", dying)
    try:
        webhooks.process(event_id)
    except Killed:
        return True
    return False


def test_one_payment_cannot_settle_two_purchases() -> None:
    user = make_user()
    first, second = make_purchase(user), make_purchase(user)
    deliver(completed(first))
    theft = completed(second, payment_intent=f"pi_{first.id.hex}")
    deliver(theft)
    assert state_of(theft) == State.FAILED
    assert _balance(first) == COINS
    assert _status(second) == "pending"


@pytest.mark.parametrize(("end", "status"), [(async_failed, "failed"), (expired, "expired")])
def test_a_purchase_that_is_over_is_not_revived_by_a_late_event(end: Any, status: str) -> None:
    purchase = make_purchase(make_user())
    deliver(end(purchase))
    late = completed(purchase)
    deliver(late)
    assert (_status(purchase), _balance(purchase), state_of(late)) == (status, 0, State.IGNORED)
    assert reconciliation.reconcile().clean


def test_a_late_expiry_does_not_undo_a_payment() -> None:
    purchase = make_purchase(make_user())
    deliver(completed(purchase))
    deliver(expired(purchase))
    assert (_status(purchase), _balance(purchase)) == ("paid", COINS)


def test_an_unpaid_session_waits_for_its_payment() -> None:
    purchase = make_purchase(make_user())
    deliver(completed(purchase, payment_status="unpaid"))
    assert (_status(purchase), _balance(purchase)) == ("pending", 0)
    deliver(async_succeeded(purchase))
    assert (_status(purchase), _balance(purchase)) == ("paid", COINS)


@pytest.mark.parametrize("change", [{"amount_total": PRICE - 1}, {"currency": "usd"}])
def test_money_that_is_not_what_was_ordered_is_parked(change: dict[str, Any]) -> None:
    purchase = make_purchase(make_user())
    event = completed(purchase, **change)
    deliver(event)
    assert (state_of(event), _status(purchase), _balance(purchase)) == (State.FAILED, "pending", 0)


def test_a_refund_takes_the_coins_back() -> None:
    purchase = make_purchase(make_user())
    deliver(completed(purchase))
    deliver(refunded(purchase))
    assert (_status(purchase), _balance(purchase)) == ("refunded", 0)
    assert not wallets.wallet_of(purchase.user_id).is_frozen
    assert reconciliation.reconcile().clean


def test_sales_and_what_went_back_are_booked_apart() -> None:
    purchase = make_purchase(make_user())
    deliver(completed(purchase))
    deliver(refunded(purchase, PRICE // 2))
    deliver(refunded(purchase, PRICE))
    kinds = AccountKind.REVENUE, AccountKind.REFUNDS, AccountKind.PROVIDER
    assert [ledger.balance_of(kind, None, "PEN") for kind in kinds] == [PRICE, -PRICE, 0]


def test_partial_refunds_take_coins_in_proportion_and_once() -> None:
    purchase = make_purchase(make_user())
    deliver(completed(purchase))
    deliver(refunded(purchase, PRICE // 2))
    assert (_status(purchase), _balance(purchase)) == ("paid", COINS // 2)
    deliver(refunded(purchase, PRICE // 2))
    deliver(refunded(purchase, PRICE // 10))
    assert _balance(purchase) == COINS // 2
    deliver(refunded(purchase, PRICE))
    assert (_status(purchase), _balance(purchase)) == ("refunded", 0)
    assert reconciliation.reconcile().clean


def test_a_refund_after_spending_freezes_the_wallet_until_the_debt_is_paid() -> None:
    purchase = make_purchase(make_user())
    deliver(completed(purchase))
    _spend(purchase, 400)
    deliver(refunded(purchase))
    wallet = wallets.wallet_of(purchase.user_id)
    assert (wallet.balance, wallet.is_frozen, wallet.debt) == (0, True, 400)
    assert reconciliation.reconcile().clean

    give_coins(purchase.user, 350)
    wallet = wallets.wallet_of(purchase.user_id)
    assert (wallet.balance, wallet.is_frozen, wallet.debt) == (0, True, 50)
    again = make_purchase(purchase.user)
    deliver(completed(again))
    wallet = wallets.wallet_of(purchase.user_id)
    assert (wallet.balance, wallet.is_frozen, wallet.debt) == (COINS - 50, False, 0)
    assert reconciliation.reconcile().clean


def test_a_frozen_wallet_cannot_spend() -> None:
    purchase = make_purchase(make_user())
    deliver(completed(purchase))
    _spend(purchase, 400)
    deliver(refunded(purchase, PRICE))
    query("UPDATE accounts_ledger SET balance = 100 WHERE owner_id = %s AND kind = 'WALLET'", (purchase.user_id,))
    with pytest.raises(Conflict) as refusal:
        _spend(purchase, 100)
    assert refusal.value.code == "wallet_frozen"


def test_a_refund_that_comes_first_ends_the_purchase_without_coins() -> None:
    purchase = make_purchase(make_user())
    deliver(refunded(purchase))
    late = completed(purchase)
    deliver(late)
    assert (_status(purchase), _balance(purchase), state_of(late)) == ("refunded", 0, State.IGNORED)
    assert reconciliation.reconcile().clean


def test_a_lost_dispute_keeps_the_coins_back_and_a_won_one_returns_them() -> None:
    lost, won = make_purchase(make_user()), make_purchase(make_user())
    for purchase in (lost, won):
        deliver(completed(purchase))
        deliver(dispute(purchase, "created", "needs_response"))
        assert (_status(purchase), _balance(purchase)) == ("disputed", 0)
    deliver(dispute(lost, "closed", "lost"))
    deliver(dispute(won, "closed", "won"))
    assert (_status(lost), _balance(lost)) == ("refunded", 0)
    assert (_status(won), _balance(won)) == ("paid", COINS)
    assert reconciliation.reconcile().clean


def test_a_dispute_that_comes_before_its_payment_is_tried_again() -> None:
    purchase = make_purchase(make_user())
    early = dispute(purchase, "created", "needs_response")
    with pytest.raises(Unavailable):
        deliver(early)
    assert state_of(early) == State.RECEIVED
    deliver(completed(purchase))
    webhooks.process(stored_id(early))
    assert (state_of(early), _status(purchase), _balance(purchase)) == (State.PROCESSED, "disputed", 0)


def test_an_inquiry_moves_nothing() -> None:
    purchase = make_purchase(make_user())
    deliver(completed(purchase))
    deliver(dispute(purchase, "created", "warning_needs_response"))
    assert (_status(purchase), _balance(purchase)) == ("paid", COINS)


@pytest.mark.parametrize(
    "event",
    [
        {"id": "evt_a", "type": "customer.created", "data": {"object": {}}},
        {"id": "evt_b", "type": "checkout.session.completed", "data": {"object": {"id": "cs_of_another_shop"}}},
    ],
)
def test_what_concerns_nobody_here_is_stored_and_ignored(event: dict[str, Any]) -> None:
    deliver(event)
    assert state_of(event) == State.IGNORED


def test_of_an_unknown_kind_no_job_is_made(jobs: FakeJobs) -> None:
    event = {"id": "evt_c", "type": "charge.succeeded", "data": {"object": {}}}
    webhooks.receive("stripe", *signed(event))
    assert (state_of(event), jobs.sent) == (State.IGNORED, [])


def test_an_event_of_the_wrong_shape_is_parked_and_can_be_replayed(jobs: FakeJobs) -> None:
    event = {"id": "evt_odd", "type": "charge.refunded", "data": {"object": {"amount_refunded": "much"}}}
    deliver(event)
    [parked] = webhook_events.webhook_events(State.FAILED, 20, None).items
    assert (parked.event_id, parked.attempts) == ("evt_odd", 1)
    assert "MalformedEvent" in parked.error
    webhook_events.replay(parked.id)
    assert state_of(event) == State.RECEIVED
    [again] = jobs.named("webhooks.process")
    assert again.arguments == {"event_id": str(parked.id)}
    with pytest.raises(Conflict):
        webhook_events.replay(parked.id)


def test_an_event_that_never_settles_is_parked_at_last() -> None:
    orphan = dispute(make_purchase(make_user()), "created", "needs_response")
    webhooks.receive("stripe", *signed(orphan))
    for _ in range(webhooks.MOST_ATTEMPTS - 1):
        with pytest.raises(Unavailable):
            webhooks.process(stored_id(orphan))
    webhooks.process(stored_id(orphan))
    assert state_of(orphan) == State.FAILED


def test_what_is_parked_is_that_event_alone_and_only_while_it_waits() -> None:
    """A worker that was given up on parks what another has settled meanwhile: it stays settled."""
    orphan, other = [dispute(make_purchase(make_user()), "created", "needs_response") for _ in range(2)]
    paid = completed(make_purchase(make_user()))
    deliver(paid)
    for event in (orphan, other):
        webhooks.receive("stripe", *signed(event))
    query("UPDATE webhook_events SET attempts = %s WHERE id <> %s", (webhooks.MOST_ATTEMPTS, stored_id(other)))
    webhooks.process(stored_id(orphan))
    webhooks.process(stored_id(paid))
    assert [state_of(event) for event in (orphan, other, paid)] == [State.FAILED, State.RECEIVED, State.PROCESSED]


def test_the_last_attempt_is_made() -> None:
    event = completed(make_purchase(make_user()))
    webhooks.receive("stripe", *signed(event))
    query("UPDATE webhook_events SET attempts = %s", (webhooks.MOST_ATTEMPTS - 1,))
    webhooks.process(stored_id(event))
    assert state_of(event) == State.PROCESSED


def test_one_event_is_tried_alone_and_waits_longer_each_time() -> None:
    orphan, other = [dispute(make_purchase(make_user()), "created", "needs_response") for _ in range(2)]
    for event in (orphan, other):
        webhooks.receive("stripe", *signed(event))
    next_attempt = "SELECT next_attempt_at FROM webhook_events WHERE id = %s"
    waits, before = [], query(next_attempt, (stored_id(other),))
    for _ in range(3):
        with pytest.raises(Unavailable) as waiting:
            webhooks.process(stored_id(orphan))
        waits.append(waiting.value.retry_after_s)
    assert all(2**n <= wait <= 1.5 * 2**n for n, wait in enumerate(waits)), waits
    attempts = "SELECT attempts FROM webhook_events WHERE id = %s"
    assert [query(attempts, (stored_id(event),)) for event in (orphan, other)] == [[(3,)], [(0,)]]
    assert query(next_attempt, (stored_id(other),)) == before


@pytest.mark.parametrize(
    ("kind", "kept"), [(NotYet, "x" * 1000), (PaymentMismatch, ("PaymentMismatch: " + "x" * 1000)[:1000])]
)
def test_of_a_long_error_the_beginning_is_kept(
    kind: type[Exception], kept: str, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lengthy(payload: str) -> Any:
        raise kind("x" * 3000)

    event = completed(make_purchase(make_user()))
    webhooks.receive("stripe", *signed(event))
    monkeypatch.setattr(provider, "read", lengthy)
    with contextlib.suppress(Unavailable):
        webhooks.process(stored_id(event))
    assert query("SELECT error FROM webhook_events") == [(kept,)]


def test_attempts_that_kill_their_worker_count() -> None:
    event = completed(make_purchase(make_user()))
    webhooks.receive("stripe", *signed(event))
    query("UPDATE webhook_events SET attempts = %s", (webhooks.MOST_ATTEMPTS,))
    webhooks.process(stored_id(event))
    assert state_of(event) == State.FAILED
