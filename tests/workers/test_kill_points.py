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
from services import clock, outbox, reconciliation, subscriptions, wallets, webhooks
from services.actors import Role
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

RECEIVING = (
    "BEGIN",
    "INSERT webhook_events",
    "INSERT outbox",
    "COMMIT",
    "SEND webhooks.process",
    "DELETE outbox",
)

PROCESSING = (
    "UPDATE webhook_events",  # the attempt is counted
    "SELECT 1",  # a connection is borrowed again
    "BEGIN",
    "SELECT webhook_events",  # locked, as is the purchase
    "SELECT coin_purchases",
    "UPDATE coin_purchases",
    "SELECT accounts_ledger",  # the buyer's wallet is opened, locked, and looked at for a debt
    "INSERT accounts_ledger",
    "SELECT accounts_ledger",
    "SELECT accounts_ledger",
    "SELECT ledger_entries",
    "SELECT accounts_ledger",  # the coins
    "INSERT ledger_transactions",
    "INSERT ledger_entries",
    "UPDATE accounts_ledger",
    "SELECT accounts_ledger",  # the money
    "INSERT ledger_transactions",
    "INSERT ledger_entries",
    "SELECT accounts_ledger",
    "SAVEPOINT",  # the notification
    "WITH notifications",
    "RELEASE",
    "SELECT coin_packs",
    "UPDATE webhook_events",
    "INSERT outbox",
    "COMMIT",
    "SEND notifications.mail",
    "DELETE outbox",
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


def _recover(event: Event, jobs: FakeJobs) -> None:
    """The provider sends again; the sweepers, run after run, ask for what was left; one that lives does it."""
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
    ("act", "points"), [(_receive, RECEIVING), (_process, PROCESSING)], ids=["receiving", "processing"]
)
def test_killed_before_each_step_the_coins_arrive_once(
    victim: Mortal, jobs: FakeJobs, act: Callable[..., list[str]], points: tuple[str, ...]
) -> None:
    for number, point in enumerate((*points, "the end")):
        purchase = make_purchase(make_user())
        event = completed(purchase)
        if act is _process:
            _receive(victim, event)
        assert act(victim, event, number) == list(points[:number]), f"killed before {point}"
        assert wallets.wallet_of(purchase.user_id).balance in (0, COINS)
        _recover(event, jobs)
        _assert_credited(purchase, event)
    assert reconciliation.reconcile().clean


def test_killed_again_and_again_over_one_event_the_coins_arrive_once(victim: Mortal, jobs: FakeJobs) -> None:
    purchase = make_purchase(make_user())
    event = completed(purchase)
    _receive(victim, event)
    for number in range(0, len(PROCESSING), 4):
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
