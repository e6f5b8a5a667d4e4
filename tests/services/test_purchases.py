"""Purchases under every order of their events: coins at most once, and books that agree."""

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from db.connection import query
from db.models.coin_purchases import CoinPurchase
from db.models.notifications import NotificationRow
from db.transactions import atomic
from services import reconciliation, wallets, webhook_batches, webhooks
from services.errors import Unavailable
from services.ledger import TransactionKind
from services.payment_providers import payment_providers
from tests.factories import make_user
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
    make_purchase,
    refunded,
    signed,
)

Make = Callable[[CoinPurchase], dict[str, Any]]


@pytest.fixture(autouse=True)
def provider(_database: None) -> Iterator[None]:
    payment_providers.use({"stripe": FakeProvider()})
    yield
    payment_providers.reset()


def _half(purchase: CoinPurchase) -> dict[str, Any]:
    return refunded(purchase, PRICE // 2)


def _disputed(purchase: CoinPurchase) -> dict[str, Any]:
    return dispute(purchase, "created", "needs_response")


def _won(purchase: CoinPurchase) -> dict[str, Any]:
    return dispute(purchase, "closed", "won")


def _lost(purchase: CoinPurchase) -> dict[str, Any]:
    return dispute(purchase, "closed", "lost")


def _one_by_one(event: dict[str, Any]) -> None:
    _until_settled(partial(deliver, event))


def _in_a_batch(event: dict[str, Any]) -> None:
    webhooks.receive("stripe", *signed(event))


def _after(events: tuple[Make, ...], hear: Callable[[dict[str, Any]], None]) -> CoinPurchase:
    """A purchase after these events in this order, those that came too early tried again."""
    purchase = make_purchase(make_user())
    for make in events:
        hear(make(purchase))
    webhook_batches.settle_waiting()
    for _ in events:
        for (event_id,) in query("SELECT id FROM webhook_events WHERE state = 'RECEIVED' ORDER BY id"):
            _until_settled(partial(webhooks.process, event_id))
    query("DELETE FROM webhook_events")
    return CoinPurchase.get_by_id(purchase.id)


def _until_settled(act: Callable[[], None]) -> None:
    try:
        act()
    except Unavailable:
        """It is tried again below."""


def _coins(purchase: CoinPurchase) -> int:
    wallet = wallets.wallet_of(purchase.user_id)
    return wallet.balance - wallet.debt


@pytest.mark.parametrize("hear", [_one_by_one, _in_a_batch])
@pytest.mark.parametrize(
    ("events", "outcomes"),
    [
        ((completed, async_succeeded, _half, refunded), {("refunded", 0)}),
        ((completed, async_succeeded, _half), {("paid", COINS // 2)}),
        ((completed, _disputed, _won), {("paid", COINS)}),
        ((completed, _disputed, _lost), {("refunded", 0)}),
        ((completed, _half, _disputed, _won), {("paid", COINS // 2)}),
        ((completed, expired, refunded), {("refunded", 0), ("expired", 0)}),
    ],
)
def test_any_order_of_events_leads_to_an_outcome_that_is_right(
    events: tuple[Make, ...], outcomes: set[tuple[str, int]], hear: Callable[[dict[str, Any]], None]
) -> None:
    for order in itertools.permutations(events):
        purchase = _after(order, hear)
        assert (purchase.status, _coins(purchase)) in outcomes, [make.__name__ for make in order]
    assert reconciliation.reconcile().clean


@pytest.mark.parametrize(
    ("events", "coins", "balance"),
    [
        ((completed,), COINS, COINS),
        ((completed, _disputed, _won), COINS, COINS),
        ((completed, _half, _disputed, _won), COINS // 2, COINS // 2),
    ],
)
def test_the_letter_says_how_many_coins_are_there_now(events: tuple[Make, ...], coins: int, balance: int) -> None:
    purchase = _after(events, _one_by_one)
    told = NotificationRow.select().order_by(NotificationRow.created_at.desc(), NotificationRow.id.desc()).first()
    assert (told.user.id, told.title, told.body) == (
        purchase.user_id,
        "Coins received",
        f"{coins} coins were credited to your wallet.",
    )
    assert told.data == {
        "purchaseId": str(purchase.id),
        "status": "paid",
        "coins": coins,
        "balance": balance,
    }


@pytest.mark.parametrize(
    ("events", "title", "coins"),
    [((completed, _half), "Purchase refunded", COINS // 2), ((completed, _half, _disputed), "Payment disputed", 250)],
)
def test_the_letter_says_how_many_coins_were_taken_back(events: tuple[Make, ...], title: str, coins: int) -> None:
    _after(events, _one_by_one)
    told = NotificationRow.select().order_by(NotificationRow.created_at.desc(), NotificationRow.id.desc()).first()
    assert (told.title, told.data["coins"]) == (title, coins)


def test_coins_that_a_debt_took_whole_are_told_with_what_is_left() -> None:
    """Somebody spent what was refunded later; the next purchase pays for it and leaves nothing."""
    buyer = make_user()
    owed = wallets.CoinMove(
        owner=buyer.id, coins=COINS, kind=TransactionKind.REFUND, reference=buyer.id, idempotency_key="owed"
    )
    with atomic():
        wallets.take_back(owed)
    deliver(completed(make_purchase(buyer, coins=COINS - 1)))
    told = NotificationRow.get(NotificationRow.user == buyer.id)
    assert (told.body, told.data["balance"]) == (f"{COINS - 1} coins were credited to your wallet.", 0)
    assert (wallets.wallet_of(buyer.id).debt, reconciliation.reconcile().clean) == (1, True)


def test_a_payment_that_failed_is_told_and_one_that_nobody_made_is_not() -> None:
    purchase = _after((async_failed,), _one_by_one)
    (told,) = NotificationRow.select()
    assert (told.user.id, told.title) == (purchase.user_id, "Payment failed")
    assert told.data == {"purchaseId": str(purchase.id), "status": "failed"}
    _after((expired,), _one_by_one)
    assert NotificationRow.select().count() == 1
