"""Checkout: the purchase is there before the provider hears of it, and survives its absence."""

from collections.abc import Iterator

import pytest

from db.models.coin_purchases import CoinPurchase
from services import checkout
from services.bus import bus
from services.checkout import PurchaseOrder
from services.errors import Invalid, Unavailable
from services.ids import new_id
from services.payment_providers import payment_providers
from tests.configuring import configured
from tests.factories import actor_of, make_user
from tests.payments import COINS, PRICE, FakeProvider, make_pack


@pytest.fixture(autouse=True)
def provider(_database: None) -> Iterator[FakeProvider]:
    fake = FakeProvider()
    payment_providers.use({"stripe": fake})
    yield fake
    payment_providers.reset()


def test_a_checkout_is_a_pending_purchase_that_the_provider_knows(provider: FakeProvider) -> None:
    user, pack = make_user(), make_pack()
    started = checkout.start_purchase(actor_of(user), PurchaseOrder(coin_pack_id=pack.id))
    [order] = provider.orders
    assert (started.coins, started.price, started.currency, started.bonus_coins) == (COINS, PRICE, "PEN", 0)
    assert (order.purchase_id, order.price, order.currency) == (started.purchase_id, PRICE, "PEN")
    [listed] = checkout.purchases_of(actor_of(user), 20, None).items
    assert (listed.id, listed.status, listed.checkout_url) == (started.purchase_id, "pending", started.checkout_url)


def test_everybody_lists_their_own_purchases_newest_first_page_by_page() -> None:
    user, other, pack = make_user(), make_user(), make_pack()
    mine = []
    for _ in range(5):
        checkout.start_purchase(actor_of(other), PurchaseOrder(coin_pack_id=pack.id))
        mine.append(checkout.start_purchase(actor_of(user), PurchaseOrder(coin_pack_id=pack.id)).purchase_id)
    seen, cursor = [], None
    for most in (2, 2, 1):
        page = checkout.purchases_of(actor_of(user), 2, cursor)
        assert len(page.items) == most
        seen += [purchase.id for purchase in page.items]
        cursor = page.next_cursor
    assert (seen, cursor) == (mine[::-1], None)


def test_the_provider_away_keeps_the_purchase_for_the_next_try(provider: FakeProvider) -> None:
    user, pack = make_user(), make_pack()
    order = PurchaseOrder(package_id=pack.id)
    provider.away = True
    with pytest.raises(Unavailable) as refusal:
        checkout.start_purchase(actor_of(user), order)
    assert refusal.value.code == "provider_unavailable"
    [pending] = CoinPurchase.select()
    assert pending.status == "pending"
    provider.away = False
    assert checkout.start_purchase(actor_of(user), order).purchase_id == pending.id
    assert checkout.start_purchase(actor_of(user), order).purchase_id != pending.id
    assert {sent.purchase_id for sent in provider.orders[:2]} == {pending.id}


def test_another_order_does_not_take_up_a_waiting_purchase(provider: FakeProvider) -> None:
    user, pack = make_user(), make_pack()
    provider.away = True
    with pytest.raises(Unavailable):
        checkout.start_purchase(actor_of(user), PurchaseOrder(coin_pack_id=pack.id))
    provider.away = False
    elsewhere = PurchaseOrder(coin_pack_id=pack.id, success_url=f"{bus.settings.frontend_url}/elsewhere")
    [waiting] = CoinPurchase.select()
    assert checkout.start_purchase(actor_of(user), elsewhere).purchase_id != waiting.id
    other = checkout.start_purchase(actor_of(make_user()), PurchaseOrder(coin_pack_id=pack.id))
    assert other.purchase_id != waiting.id


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "http://localhost:3000.evil.example/",
        "http://localhost:3000@evil.example/",
        "http://localhost:3000\\@evil.example",
        "http://localhost:3001/",
        "https://localhost:3000/",
        "//localhost:3000/",
        "javascript:alert(1)",
        "http://localhost:port/",
        "/relative",
    ],
)
@pytest.mark.parametrize("field", ["success_url", "cancel_url"])
def test_return_urls_lead_to_configured_origins_only(url: str, field: str) -> None:
    order = PurchaseOrder(coin_pack_id=make_pack().id, **{field: url})  # type: ignore[arg-type]
    with pytest.raises(Invalid) as refusal:
        checkout.start_purchase(actor_of(make_user()), order)
    assert refusal.value.details[0].field == field.replace("_u", "U")
    assert CoinPurchase.select().count() == 0


def test_a_return_url_on_the_front_end_is_kept(provider: FakeProvider) -> None:
    wanted = f"{bus.settings.frontend_url}/thanks?pack=1"
    order = PurchaseOrder(coin_pack_id=make_pack().id, success_url=wanted)
    checkout.start_purchase(actor_of(make_user()), order)
    assert provider.orders[0].success_url == wanted


@pytest.mark.parametrize(
    ("configured_as", "wanted"),
    [
        ("http://shop.example", "http://shop.example:80/thanks"),
        ("http://shop.example:80", "http://shop.example/thanks"),
        ("https://shop.example", "https://shop.example:443/thanks"),
        ("https://shop.example:443", "HTTPS://Shop.example/thanks"),
    ],
)
def test_an_origin_is_the_same_with_its_usual_port_and_without(configured_as: str, wanted: str) -> None:
    with configured(cors_origins=(configured_as,)):
        assert checkout.return_url("successUrl", wanted, "/") == wanted
        with pytest.raises(Invalid):
            checkout.return_url("successUrl", f"{wanted[: wanted.index(':')]}://shop.example:81/thanks", "/")


def test_only_packs_on_sale_and_known_providers() -> None:
    off_sale = make_pack(is_active=False)
    for order, field in (
        (PurchaseOrder(coin_pack_id=off_sale.id), "coinPackId"),
        (PurchaseOrder(package_id=new_id()), "packageId"),
        (PurchaseOrder(), "coinPackId"),
        (PurchaseOrder(coin_pack_id=make_pack().id, package_id=make_pack().id), "packageId"),
        (PurchaseOrder(coin_pack_id=make_pack().id, provider="barter"), "provider"),
    ):
        with pytest.raises(Invalid) as refusal:
            checkout.start_purchase(actor_of(make_user()), order)
        assert refusal.value.details[0].field == field
