"""While a provider thinks, nothing of ours waits with it: no connection, no transaction."""

from collections.abc import Callable, Iterator

import pytest

from db.connection import connection, database
from db.models.coin_purchases import CoinPurchase
from db.models.subscriptions import Subscription
from services import checkout, subscriptions
from services.actors import Role
from services.checkout import PurchaseOrder
from services.gateways.payments.interface import CheckoutOrder, CheckoutSession, PlanOrder
from services.payment_providers import payment_providers
from services.subscription_orders import SubscriptionOrder
from services.tiers import PaymentMethod, Tier
from settings import Settings
from tests.factories import actor_of, make_user
from tests.payments import FakeProvider, make_pack


class WatchingProvider(FakeProvider):
    """Looks, while it is asked, at what its caller holds, and at what another connection sees of the order."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[bool] = []
        self.is_stored: list[bool] = []

    def create_checkout(self, order: CheckoutOrder) -> CheckoutSession:
        self.held.append(not database.is_closed())
        with connection():
            self.is_stored.append(CoinPurchase.get_or_none(CoinPurchase.id == order.purchase_id) is not None)
        return super().create_checkout(order)

    def create_plan(self, order: PlanOrder) -> CheckoutSession:
        self.held.append(not database.is_closed())
        with connection():
            self.is_stored.append(Subscription.get_or_none(Subscription.id == order.subscription_id) is not None)
        return super().create_plan(order)


@pytest.fixture
def provider(committed_db: Settings) -> Iterator[WatchingProvider]:
    watching = WatchingProvider()
    payment_providers.use({"stripe": watching})
    yield watching
    payment_providers.reset()


def _buy() -> None:
    checkout.start_purchase(actor_of(make_user()), PurchaseOrder(coin_pack_id=make_pack().id))


def _subscribe() -> None:
    streamer = make_user(role=Role.STREAMER)
    wanted = SubscriptionOrder(streamer_id=streamer.id, tier=Tier.BASIC, payment_method=PaymentMethod.CARD)
    subscriptions.subscribe(actor_of(make_user()), wanted)


@pytest.mark.parametrize("order", [_buy, _subscribe])
def test_no_connection_is_held_and_the_order_is_stored_while_the_provider_is_asked(
    provider: WatchingProvider, order: Callable[[], None]
) -> None:
    with connection():
        order()
    assert (provider.held, provider.is_stored) == ([False], [True])
