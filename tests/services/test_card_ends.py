"""How subscriptions by card end: when exactly, and who is told."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from db.connection import query
from db.models.subscriptions import Subscription
from db.models.users import User
from services import clock, subscription_renewals
from services.actors import Role
from services.bus import bus
from services.payment_providers import payment_providers
from tests.factories import make_user
from tests.payments import FakeProvider, deliver, invoice_unpaid, plan_changed
from tests.services.test_card_subscriptions import MONTH, order, paid, row


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


def titles(user: User) -> list[str]:
    rows = query("SELECT title FROM notifications WHERE user_id = %s ORDER BY id", (user.id,))
    return [str(row[0]) for row in rows]


def status(found: Subscription) -> str:
    return str(Subscription.get_by_id(found.id).status)


def test_whose_month_is_over_when_the_provider_gives_up_is_told(viewer: User, streamer: User) -> None:
    found = paid(viewer, streamer)
    with clock.frozen(clock.now() + MONTH + timedelta(hours=1)):
        deliver(plan_changed(found, "deleted", status="canceled"))
    assert status(found) == "expired"
    assert titles(viewer)[1:] == [f"Your subscription to {streamer.username} has ended"]


def test_an_order_that_never_began_ends_without_a_letter(viewer: User, streamer: User) -> None:
    found = row(order(viewer, streamer))
    deliver(plan_changed(found, "deleted", status="canceled"))
    assert (status(found), titles(viewer)) == ("expired", [])


@pytest.mark.parametrize(("late_s", "ends"), [(-1, False), (0, True)])
def test_whoever_does_not_pay_has_the_days_of_grace_and_no_second_more(
    viewer: User, streamer: User, late_s: int, ends: bool
) -> None:
    until = (clock.now() + MONTH).replace(microsecond=0)
    found = paid(viewer, streamer, until=until)
    with clock.frozen(until + timedelta(hours=1)):
        deliver(invoice_unpaid(found, until + MONTH))
    with clock.frozen(until + timedelta(seconds=bus.settings.subscription_grace_s + late_s)):
        assert subscription_renewals.renew_and_end() == int(ends)
    assert status(found) == ("expired" if ends else "active")
    ended = f"Your subscription to {streamer.username} has ended"
    assert (ended in titles(viewer)) is ends


@pytest.mark.parametrize(("late_s", "ends"), [(-1, False), (0, True)])
def test_an_order_that_nobody_pays_waits_a_day_and_an_hour(
    viewer: User, streamer: User, late_s: int, ends: bool
) -> None:
    found = row(order(viewer, streamer))
    with clock.frozen(found.created_at + timedelta(hours=25, seconds=late_s)):
        assert subscription_renewals.renew_and_end() == int(ends)
    assert (status(found), titles(viewer)) == ("expired" if ends else "pending", [])
