"""Months of a subscription by card whose money went back: refunded, or disputed at the bank."""

from collections.abc import Iterator

import pytest

from db.connection import query
from db.models.subscriptions import Subscription, SubscriptionPayment
from db.models.users import User
from services import ledger, reconciliation, webhooks
from services.actors import Role
from services.errors import Unavailable
from services.ledger import AccountKind
from services.payment_providers import payment_providers
from tests.factories import make_user
from tests.payments import FakeProvider, deliver, dispute, invoice_payment, month_refunded, stored_id
from tests.services.test_card_subscriptions import paid


@pytest.fixture(autouse=True)
def provider(_database: None) -> Iterator[FakeProvider]:
    fake = FakeProvider()
    payment_providers.use({"stripe": fake})
    yield fake
    payment_providers.reset()


@pytest.fixture
def viewer(_database: None) -> User:
    return make_user()


@pytest.fixture
def streamer(_database: None) -> User:
    return make_user(role=Role.STREAMER)


def test_a_cent_that_went_back_is_booked_once(viewer: User, streamer: User) -> None:
    found = paid(viewer, streamer)
    deliver(invoice_payment(found))
    for _ in range(2):
        deliver(month_refunded(found, 1))
    assert ledger.balance_of(AccountKind.PROVIDER, None, "PEN") == -1489
    assert Subscription.get_by_id(found.id).status == "active"
    assert reconciliation.reconcile().clean


def test_a_refunded_month_ends_it_and_the_creator_bears_their_share(viewer: User, streamer: User) -> None:
    found = paid(viewer, streamer)
    early = month_refunded(found, 490)
    with pytest.raises(Unavailable):
        deliver(early)
    deliver(invoice_payment(found))
    webhooks.process(stored_id(early))
    assert Subscription.get_by_id(found.id).status == "active"
    assert ledger.balance_of(AccountKind.PROVIDER, None, "PEN") == -1000
    for _ in range(2):
        deliver(month_refunded(found, 1490))
    assert Subscription.get_by_id(found.id).status == "expired"
    assert ledger.balance_of(AccountKind.PROVIDER, None, "PEN") == 0
    assert abs(ledger.balance_of(AccountKind.EARNINGS, streamer.id, "PEN")) <= 1
    told = query("SELECT title, body FROM notifications WHERE user_id = %s ORDER BY id", (viewer.id,))[1:]
    assert told == [(f"Your subscription to {streamer.username} has ended", "Its payment was taken back.")]
    assert reconciliation.reconcile().clean


@pytest.mark.parametrize(("outcome", "held"), [("won", -1490), ("lost", 0)])
def test_a_disputed_month_ends_it_whatever_the_bank_decides(
    viewer: User, streamer: User, outcome: str, held: int
) -> None:
    found = paid(viewer, streamer)
    deliver(invoice_payment(found))
    deliver(dispute(found, "created", "needs_response"))
    assert ledger.balance_of(AccountKind.PROVIDER, None, "PEN") == 0
    deliver(dispute(found, "closed", outcome))
    assert ledger.balance_of(AccountKind.PROVIDER, None, "PEN") == held
    assert Subscription.get_by_id(found.id).status == "expired"
    assert reconciliation.reconcile().clean


@pytest.mark.parametrize(("outcome", "held", "refunded"), [("won", -1000, 490), ("lost", 0, 1490)])
def test_of_a_month_that_went_back_in_part_the_bank_holds_the_rest(
    viewer: User, streamer: User, outcome: str, held: int, refunded: int
) -> None:
    found = paid(viewer, streamer)
    deliver(invoice_payment(found))
    deliver(month_refunded(found, 490))
    deliver(dispute(found, "created", "needs_response"))
    assert ledger.balance_of(AccountKind.PROVIDER, None, "PEN") == 0
    assert reconciliation.reconcile().clean
    deliver(dispute(found, "closed", outcome))
    assert ledger.balance_of(AccountKind.PROVIDER, None, "PEN") == held
    month = SubscriptionPayment.get(SubscriptionPayment.subscription == found.id)
    assert (month.status, month.refunded_amount) == ("paid" if outcome == "won" else "refunded", refunded)
    assert reconciliation.reconcile().clean
