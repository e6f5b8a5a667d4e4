"""What providers tell of purchases and months that nobody knows, or that are over: nothing moves."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from db.models.coin_purchases import CoinPurchase
from db.models.subscriptions import Subscription, SubscriptionPayment
from services import (
    clock,
    purchases,
    reconciliation,
    subscription_refunds,
    subscription_settlement,
    subscriptions,
    wallets,
)
from services.actors import Role
from services.gateways.payments.interface import (
    CheckoutExpired,
    DisputeClosed,
    DisputeOpened,
    PaymentFailed,
    PaymentRefunded,
    PaymentSucceeded,
    PlanCheckoutOver,
    PlanEnding,
    PlanEvent,
    PlanOpened,
    PlanOver,
    PlanPaid,
    PlanUnpaid,
)
from services.ids import new_id
from services.payment_providers import payment_providers
from services.purchases import NotYet, PaymentMismatch
from services.subscription_orders import SubscriptionOrder
from services.tiers import PaymentMethod, Tier
from tests.factories import actor_of, make_user
from tests.payments import (
    COINS,
    PRICE,
    FakeProvider,
    completed,
    deliver,
    dispute,
    invoice_paid,
    invoice_payment,
    make_purchase,
    month_refunded,
    payment_of,
    plan_of,
    refunded,
)

NOBODYS = new_id()


@pytest.fixture(autouse=True)
def provider(_database: None) -> Iterator[None]:
    payment_providers.use({"stripe": FakeProvider()})
    yield
    payment_providers.reset()


def paid_month() -> Subscription:
    """A subscription by card, its first month paid."""
    order = SubscriptionOrder(
        streamer_id=make_user(role=Role.STREAMER).id, tier=Tier.BASIC, payment_method=PaymentMethod.CARD
    )
    started = subscriptions.subscribe(actor_of(make_user()), order).subscription
    found = Subscription.get_by_id(started.id)
    deliver(invoice_paid(found, clock.now() + timedelta(days=31)))
    deliver(invoice_payment(found))
    return Subscription.get_by_id(started.id)


def month_of(found: Subscription) -> SubscriptionPayment:
    return SubscriptionPayment.get(SubscriptionPayment.subscription == found.id)


def test_of_a_purchase_that_nobody_made_nothing_follows() -> None:
    won = PaymentSucceeded(purchase_id=NOBODYS, session="cs", payment="pi", amount=5, currency="PEN")
    assert not purchases.settle_success(won, "stripe").changed
    for lost in (PaymentFailed(NOBODYS), CheckoutExpired(NOBODYS)):
        assert not purchases.settle_failure(lost, "stripe").changed
    for early in (PaymentRefunded("pi", 5, None), DisputeOpened("pi", "du"), DisputeClosed("pi", "du", won=True)):
        with pytest.raises(NotYet):
            purchases.settle_return(early, "stripe")


def test_another_provider_knows_nothing_of_a_purchase() -> None:
    purchase = make_purchase(make_user())
    event = PaymentSucceeded(purchase_id=purchase.id, session="cs", payment="pi", amount=PRICE, currency="PEN")
    assert not purchases.settle_success(event, "dodo").changed
    assert CoinPurchase.get_by_id(purchase.id).status == "pending"


def test_what_is_disputed_or_refunded_is_disputed_no_more() -> None:
    disputed, gone = make_purchase(make_user()), make_purchase(make_user())
    for purchase in (disputed, gone):
        deliver(completed(purchase))
    deliver(dispute(disputed, "created", "needs_response"))
    deliver(refunded(gone))
    for purchase in (disputed, gone):
        again = purchases.settle_dispute(DisputeOpened(payment_of(purchase), "du_2"), "stripe")
        assert (again.changed, wallets.wallet_of(purchase.user_id).balance) == (False, 0)
    late = DisputeClosed(payment_of(gone), "du_1", won=True)
    assert not purchases.settle_dispute_end(late, "stripe").changed
    assert wallets.wallet_of(gone.user_id).balance == 0
    assert reconciliation.reconcile().clean


def test_a_dispute_is_not_decided_before_it_is_opened() -> None:
    purchase, found = make_purchase(make_user()), paid_month()
    deliver(completed(purchase))
    with pytest.raises(NotYet):
        purchases.settle_dispute_end(DisputeClosed(payment_of(purchase), "du", won=False), "stripe")
    with pytest.raises(NotYet):
        subscription_refunds.settle(DisputeClosed(payment_of(found), "du", won=False), "stripe")
    assert wallets.wallet_of(purchase.user_id).balance == COINS


def test_a_month_that_went_back_is_neither_refunded_nor_disputed_again() -> None:
    found = paid_month()
    deliver(month_refunded(found, found.price))
    payment = payment_of(found)
    for late in (
        PaymentRefunded(payment, found.price, None),
        DisputeOpened(payment, "du"),
        DisputeClosed(payment, "du", won=True),
    ):
        settled = subscription_refunds.settle(late, "stripe")
        assert settled is not None and not settled.changed
    assert (month_of(found).status, month_of(found).refunded_amount) == ("refunded", found.price)
    assert reconciliation.reconcile().clean


def test_money_that_went_back_of_something_else_is_no_month() -> None:
    assert subscription_refunds.settle(PaymentRefunded("pi_other", 5, None), "stripe") is None
    found = paid_month()
    assert subscription_refunds.settle(PaymentRefunded(payment_of(found), 5, None), "dodo") is None


@pytest.mark.parametrize(
    "event",
    [
        PlanOpened(NOBODYS, "sub_x"),
        PlanCheckoutOver(NOBODYS),
        PlanUnpaid(NOBODYS, "sub_x"),
        PlanEnding(NOBODYS, "sub_x"),
        PlanOver(NOBODYS, "sub_x"),
        PlanPaid(
            subscription_id=NOBODYS, plan="sub_x", invoice="in_x", payment=None, amount=5, currency="PEN",
            paid_until=clock.now(),
        ),
    ],
    ids=lambda event: type(event).__name__,
)  # fmt: skip
def test_of_a_subscription_that_nobody_has_nothing_follows(event: PlanEvent) -> None:
    assert not subscription_settlement.settle(event, "stripe").changed
    assert Subscription.select().count() == 0


def test_a_checkout_that_ends_after_it_was_paid_ends_nothing() -> None:
    found = paid_month()
    assert not subscription_settlement.settle(PlanCheckoutOver(found.id), "stripe").changed
    assert Subscription.get_by_id(found.id).status == "active"


def test_what_ends_already_is_not_ended_again_before_its_time() -> None:
    found = paid_month()
    for event in (PlanEnding(found.id, plan_of(found)), PlanOver(found.id, plan_of(found))):
        subscription_settlement.settle(event, "stripe")
        assert not subscription_settlement.settle(event, "stripe").changed
        assert Subscription.get_by_id(found.id).status == "cancelled"


def test_an_end_that_is_told_before_the_beginning_waits() -> None:
    order = SubscriptionOrder(
        streamer_id=make_user(role=Role.STREAMER).id, tier=Tier.BASIC, payment_method=PaymentMethod.CARD
    )
    started = subscriptions.subscribe(actor_of(make_user()), order).subscription
    with pytest.raises(NotYet):
        subscription_settlement.settle(PlanEnding(started.id, "sub_x"), "stripe")


@pytest.mark.parametrize(("amount", "currency"), [(1489, "PEN"), (1490, "USD")])
def test_a_month_is_not_had_for_less_or_for_other_money(amount: int, currency: str) -> None:
    found = paid_month()
    event = PlanPaid(
        subscription_id=found.id,
        plan=plan_of(found),
        invoice="in_2",
        payment=None,
        amount=amount,
        currency=currency,
        paid_until=clock.now() + timedelta(days=62),
    )
    with pytest.raises(PaymentMismatch):
        subscription_settlement.settle(event, "stripe")
