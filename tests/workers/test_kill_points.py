"""A worker killed (SIGKILL) between any two steps, from receiving a webhook to committing its effect.

The first test drives the kill points from a list, and fails where the code takes a step that the
list does not name: none is forgotten. The others learn the steps of a run that nobody disturbs.
What comes after a kill is what production does: the provider, which has no answer, sends again, and
the sweepers find what was left.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from db.connection import query
from db.models.coin_purchases import CoinPurchase
from db.models.subscriptions import Subscription
from services import clock, outbox, reconciliation, subscriptions, wallets, webhook_batches, webhooks
from services.actors import Role
from services.bus import bus
from services.payment_providers import payment_providers
from services.subscription_orders import SubscriptionOrder
from services.tiers import PaymentMethod, Tier
from settings import Settings
from tests.e2e.stack import until
from tests.factories import actor_of, make_user
from tests.fakes import FakeJobs
from tests.payments import (
    COINS,
    FakeProvider,
    completed,
    deliver,
    dispute,
    invoice_paid,
    invoice_payment,
    make_purchase,
    month_refunded,
    refunded,
    signed,
    state_of,
    stored_id,
)
from tests.workers.mortal import Mortal, mortal

Event = dict[str, Any]

RECEIVING = ("INSERT webhook_events", "SEND webhooks.settle")

#: The buyer's wallet is looked for, opened and held; then come the coins, the money and the notification.
CREDIT = (
    "SELECT coin_purchases",
    "UPDATE coin_purchases",
    "SELECT accounts_ledger",
    "SELECT accounts_ledger",
    "INSERT accounts_ledger",
    "SELECT accounts_ledger",
    "SELECT accounts_ledger",
    "SELECT accounts_ledger",
    "WITH ledger_transactions",
    "UPDATE accounts_ledger",
    "SELECT accounts_ledger",
    "WITH ledger_transactions",
    "SAVEPOINT",
    "WITH notifications",
    "RELEASE",
    "SELECT coin_packs",
)

#: What the buyer's sockets hear, then the letter.
EFFECTS = ("INSERT outbox", "INSERT outbox", "COMMIT", "DELETE outbox", "SEND notifications.mail", "UPDATE outbox")

#: One event in a job of its own.
ALONE = (
    "UPDATE webhook_events",  # the attempt is counted
    "BEGIN",
    "SELECT webhook_events",  # locked, as is the purchase
    *CREDIT,
    "UPDATE webhook_events",
    *EFFECTS,
)

#: Whatever waits, in one transaction with a savepoint each.
TOGETHER = (
    "WITH webhook_events",  # the attempts are counted
    "BEGIN",
    "SELECT webhook_events",  # locked, so that the sweeper sees that somebody lives
    "SELECT pg_advisory_xact_lock(hashtext('webhooks'))",
    "SAVEPOINT",
    *CREDIT,
    "RELEASE",
    "UPDATE webhook_events",
    *EFFECTS,
    "WITH webhook_events",  # nothing more waits
)


@pytest.fixture
def victim(committed_db: Settings, jobs: FakeJobs) -> Iterator[Mortal]:
    payment_providers.use({"stripe": FakeProvider()})
    deliver(completed(make_purchase(make_user())))  # the platform's own accounts are open
    jobs.sent.clear()
    with mortal(committed_db) as process:
        yield process
    payment_providers.reset()


def _receive(victim: Mortal, event: Event, die_before: int | None = None) -> list[str]:
    body, headers = signed(event)
    return victim.do("receive", provider="stripe", body=body.decode(), headers=headers, die_before=die_before).steps


def _process(victim: Mortal, event: Event, die_before: int | None = None) -> list[str]:
    return victim.do("process", event_id=str(stored_id(event)), die_before=die_before).steps


def _settle(victim: Mortal, event: Event, die_before: int | None = None) -> list[str]:
    return victim.do("settle", die_before=die_before).steps


def _recover(event: Event, jobs: FakeJobs) -> None:
    """The provider sends again; the sweepers, run after run, ask for what was left; one that lives does it."""
    bus.redis.delete(*bus.redis.keys("awake:*"), "awake:nobody")  # some seconds passed
    webhooks.receive("stripe", *signed(event))
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        until(lambda: _swept(event, jobs))
    jobs.sent.clear()


def _swept(event: Event, jobs: FakeJobs) -> bool:
    """Whether the event is settled after one run of the sweepers. PostgreSQL notices a death a moment later."""
    webhooks.sweep()
    outbox.sweep()
    while jobs.sent:
        message = jobs.sent.pop()
        if message.name == "webhooks.settle":
            webhook_batches.settle_waiting()
        if message.name == "webhooks.process":
            webhooks.process(UUID(str(message.arguments["event_id"])))
    return state_of(event) != "RECEIVED"


def _assert_credited(purchase: CoinPurchase, event: Event) -> None:
    assert CoinPurchase.get_by_id(purchase.id).status == "paid"
    assert wallets.wallet_of(purchase.user_id).balance == COINS
    assert state_of(event) == "PROCESSED"
    credits = query("SELECT 1 FROM ledger_transactions WHERE reference = %s AND currency = 'COIN'", (purchase.id,))
    assert len(credits) == 1
    assert query("SELECT currency FROM ledger_entries GROUP BY currency HAVING sum(amount) <> 0") == []


@pytest.mark.parametrize(
    ("act", "points"),
    [(_receive, RECEIVING), (_process, ALONE), (_settle, TOGETHER)],
    ids=["receiving", "alone", "together"],
)
def test_killed_before_each_step_the_coins_arrive_once(
    victim: Mortal, jobs: FakeJobs, act: Callable[..., list[str]], points: tuple[str, ...]
) -> None:
    for number, point in enumerate((*points, "the end")):
        purchase = make_purchase(make_user())
        event = completed(purchase)
        if act is not _receive:
            webhooks.receive("stripe", *signed(event))
        assert act(victim, event, number) == list(points[:number]), f"killed before {point}"
        assert wallets.wallet_of(purchase.user_id).balance in (0, COINS)
        _recover(event, jobs)
        _assert_credited(purchase, event)
    assert reconciliation.reconcile().clean


def test_killed_in_the_midst_of_a_batch_each_of_its_purchases_is_credited_once(victim: Mortal, jobs: FakeJobs) -> None:
    for number in range(0, 3 * len(TOGETHER), 5):
        purchases = [make_purchase(make_user()) for _ in range(3)]
        events = [completed(purchase) for purchase in purchases]
        for event in events:
            webhooks.receive("stripe", *signed(event))
        _settle(victim, events[0], number)
        balances = {wallets.wallet_of(purchase.user_id).balance for purchase in purchases}
        assert balances in ({0}, {COINS}), "all of a batch, or none"
        for event, purchase in zip(events, purchases, strict=True):
            _recover(event, jobs)
            _assert_credited(purchase, event)
    assert reconciliation.reconcile().clean


def test_killed_again_and_again_over_one_event_the_coins_arrive_once(victim: Mortal, jobs: FakeJobs) -> None:
    purchase = make_purchase(make_user())
    event = completed(purchase)
    _receive(victim, event)
    for number in range(0, len(ALONE), 4):
        _process(victim, event, number)
    _recover(event, jobs)
    _assert_credited(purchase, event)
    assert reconciliation.reconcile().clean


def _refund() -> Event:
    purchase = make_purchase(make_user())
    deliver(completed(purchase))
    return refunded(purchase)


def _dispute() -> Event:
    purchase = make_purchase(make_user())
    deliver(completed(purchase))
    return dispute(purchase, "created", "needs_response")


def _ordered() -> Subscription:
    viewer, streamer = make_user(), make_user(role=Role.STREAMER)
    order = SubscriptionOrder(streamer_id=streamer.id, tier=Tier.BASIC, payment_method=PaymentMethod.CARD)
    return Subscription.get_by_id(subscriptions.subscribe(actor_of(viewer), order).subscription.id)


def _first_month() -> Event:
    return invoice_paid(_ordered(), clock.now() + timedelta(days=31))


def _next_month() -> Event:
    found = _ordered()
    deliver(invoice_paid(found, clock.now() + timedelta(days=31)))
    return invoice_paid(found, clock.now() + timedelta(days=62), number=2)


def _refunded_month() -> Event:
    found = _ordered()
    deliver(invoice_paid(found, clock.now() + timedelta(days=31)))
    deliver(invoice_payment(found))
    return month_refunded(found, found.price)


@pytest.mark.parametrize("happens", [_refund, _dispute, _first_month, _next_month, _refunded_month])
def test_killed_before_any_step_of_another_event_it_has_its_effect_once(
    victim: Mortal, jobs: FakeJobs, happens: Callable[[], Event]
) -> None:
    for number in count():
        event = happens()
        _receive(victim, event)
        body_of_effect = _moved()
        steps = _process(victim, event, number)
        _recover(event, jobs)
        assert state_of(event) == "PROCESSED"
        assert _moved() - body_of_effect in (1, 2), "each event moves coins, money or both, once"
        if len(steps) < number:
            break
    assert number > 10
    assert reconciliation.reconcile().clean


def _moved() -> int:
    [(transactions,)] = query("SELECT count(*) FROM ledger_transactions")
    return int(transactions)
