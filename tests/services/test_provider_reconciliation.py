"""Our books beside the providers' own lists."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from db.models.coin_purchases import CoinPurchase
from services import abandoned_checkouts, clock, job_metrics
from services.gateways.payments.interface import ListedPayment
from services.ids import new_id
from services.payment_providers import payment_providers
from services.provider_reconciliation import reconcile_providers
from tests.factories import make_user
from tests.payments import PRICE, FakeProvider, completed, deliver, make_purchase, payment_of


@pytest.fixture(autouse=True)
def provider(_database: None) -> Iterator[FakeProvider]:
    fake = FakeProvider()
    payment_providers.use({"stripe": fake})
    yield fake
    payment_providers.reset()


def listed(purchase: CoinPurchase, *, ago: timedelta = timedelta(hours=1), amount: int = PRICE) -> ListedPayment:
    return ListedPayment(payment_of(purchase), purchase.id, amount, "PEN", clock.now() - ago)


def _drift(check: str) -> int:
    found = job_metrics.drift()
    assert found is not None
    return found.findings[check]


def details() -> list[str]:
    return [finding.detail for finding in reconcile_providers().findings]


def test_books_that_agree_are_clean(provider: FakeProvider) -> None:
    purchase = make_purchase(make_user())
    deliver(completed(purchase))
    make_purchase(make_user())
    provider.listed = [listed(purchase)]
    assert reconcile_providers().clean
    assert _drift("provider_payments_stripe") == 0


def test_what_was_paid_there_and_is_not_booked_here_is_found(provider: FakeProvider) -> None:
    purchase = make_purchase(make_user())
    provider.listed = [
        listed(purchase),
        ListedPayment("in_1", new_id(), 5, "PEN", clock.now() - timedelta(days=1)),
        listed(make_purchase(make_user()), ago=timedelta(minutes=1)),
        listed(make_purchase(make_user()), ago=timedelta(days=8)),
    ]
    assert [detail.rpartition(" is ")[2] for detail in details()] == ["pending here", "unknown here"]
    assert _drift("provider_payments_stripe") == 2


@pytest.mark.parametrize(
    ("ago", "found"),
    [
        (timedelta(minutes=14, seconds=50), 0),
        (timedelta(minutes=15), 1),
        (timedelta(days=7), 1),
        (timedelta(days=7, seconds=1), 0),
    ],
)
def test_payments_of_a_week_are_looked_at_but_not_those_on_their_way(
    provider: FakeProvider, ago: timedelta, found: int
) -> None:
    with clock.frozen(clock.now()):
        provider.listed = [listed(make_purchase(make_user()), ago=ago)]
        assert len(details()) == found


def test_what_is_booked_here_and_not_listed_there_is_found(provider: FakeProvider) -> None:
    purchase = make_purchase(make_user())
    deliver(completed(purchase))
    assert details() == [f"{PRICE} PEN booked here, not in the provider's list"]


def test_another_amount_is_found(provider: FakeProvider) -> None:
    purchase = make_purchase(make_user())
    deliver(completed(purchase))
    provider.listed = [listed(purchase, amount=PRICE + 1)]
    assert details() == [f"{PRICE + 1} PEN there, {PRICE} PEN here"]


def test_a_provider_that_is_away_is_no_clean_bill(provider: FakeProvider) -> None:
    provider.away = True
    assert details() == ["could not be asked: gone fishing"]


def test_a_checkout_that_no_provider_closes_is_closed_after_25_hours() -> None:
    at = clock.now()
    with clock.frozen(at):
        unopened, opened = make_purchase(make_user()), make_purchase(make_user(), session="cs_1")
        dodo = make_purchase(make_user(), provider="dodo", session="cks_1")
    with clock.frozen(at + timedelta(hours=25)):
        assert abandoned_checkouts.close_abandoned() == 0
    with clock.frozen(at + timedelta(hours=25, seconds=1)):
        assert [abandoned_checkouts.close_abandoned() for _ in range(2)] == [2, 0]
    statuses = [CoinPurchase.get_by_id(purchase.id).status for purchase in (unopened, opened, dodo)]
    assert statuses == ["expired", "pending", "expired"]
