"""Buying moves stock and coins together: never more than there is, and never one without the other."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from db.connection import connection, query
from services import clock, ledger, marketplace, marketplace_purchases, reconciliation, wallets
from services.actors import Actor, Role
from services.bus import bus
from services.errors import Conflict, Forbidden, Invalid, NotFound
from services.ids import new_id
from services.ledger import AccountKind
from services.marketplace import ItemDraft, ItemEdit, ItemView
from services.marketplace_purchases import PurchaseWish
from settings import Settings
from tests.factories import actor_of, make_user
from tests.payments import give_coins

MUG = ItemDraft(name="Mug", price=40, stock=3, description="Holds tea", image="https://img.example/mug.png")


def _seller() -> Actor:
    return actor_of(make_user(role=Role.STREAMER))


def _buyer(coins: int) -> Actor:
    user = make_user()
    give_coins(user, coins)
    return actor_of(user)


def _offer(draft: ItemDraft = MUG, seller: Actor | None = None) -> ItemView:
    return marketplace.offer_item(seller or _seller(), draft)


def test_a_purchase_moves_stock_coins_and_the_platforms_share() -> None:
    seller, buyer = _seller(), _buyer(100)
    item = _offer(seller=seller)
    receipt = marketplace_purchases.buy(buyer, item.id, PurchaseWish(quantity=2))
    share = 80 * bus.settings.platform_share_percent // 100
    assert (receipt.coins, receipt.quantity, receipt.stock, receipt.balance) == (80, 2, 1, 20)
    assert (receipt.item.id, receipt.item.name, receipt.seller.id) == (item.id, "Mug", seller.user_id)
    assert ledger.balance_of(AccountKind.EARNINGS, seller.user_id) == 80 - share
    assert ledger.balance_of(AccountKind.FEES) == share
    assert (marketplace.item(item.id).stock, marketplace.item(item.id).sold) == (1, 2)
    assert reconciliation.reconcile().clean


def test_everybody_lists_what_they_bought_when_and_from_whom() -> None:
    seller, buyer, other = _seller(), _buyer(100), _buyer(100)
    item, at = _offer(seller=seller), clock.now()
    with clock.frozen(at):
        bought = marketplace_purchases.buy(buyer, item.id, PurchaseWish(quantity=2))
    marketplace_purchases.buy(other, item.id, PurchaseWish())
    [listed] = marketplace_purchases.purchases_of(buyer, 20, None).items
    assert (listed.id, listed.quantity, listed.coins, listed.created_at) == (bought.id, 2, 80, bought.created_at)
    assert abs(listed.created_at - at) < timedelta(minutes=1)
    assert (listed.seller.id, listed.item.id, listed.item.name) == (seller.user_id, item.id, "Mug")


def test_the_seller_is_told_of_a_sale() -> None:
    seller, buyer = _seller(), _buyer(40)
    receipt = marketplace_purchases.buy(buyer, _offer(seller=seller).id, PurchaseWish())
    [(kind, data)] = query("SELECT kind, data FROM notifications WHERE user_id = %s", (seller.user_id,))
    assert (kind, data["purchaseId"], data["coins"]) == ("sale", str(receipt.id), 40)


def test_what_is_sold_out_cannot_be_bought() -> None:
    buyer, item = _buyer(1000), _offer()
    marketplace_purchases.buy(buyer, item.id, PurchaseWish(quantity=3))
    with pytest.raises(Conflict) as refusal:
        marketplace_purchases.buy(buyer, item.id, PurchaseWish())
    assert refusal.value.code == "sold_out"
    assert wallets.wallet_of(buyer.user_id).balance == 1000 - 120
    assert marketplace.item(item.id).stock == 0


def test_nothing_is_left_of_a_purchase_that_cannot_be_paid() -> None:
    buyer, item = _buyer(39), _offer()
    with pytest.raises(Conflict) as refusal:
        marketplace_purchases.buy(buyer, item.id, PurchaseWish())
    assert refusal.value.code == "insufficient_coins"
    assert (marketplace.item(item.id).stock, wallets.wallet_of(buyer.user_id).balance) == (3, 39)
    assert marketplace_purchases.purchases_of(buyer, 20, None).items == []


def test_purchases_that_make_no_sense_are_refused() -> None:
    seller, buyer = _seller(), _buyer(500)
    give_coins_to(seller, 500)
    item = _offer(seller=seller)
    with pytest.raises(Invalid):
        marketplace_purchases.buy(seller, item.id, PurchaseWish())
    with pytest.raises(NotFound):
        marketplace_purchases.buy(buyer, new_id(), PurchaseWish())
    query("INSERT INTO blocks (blocker_id, blocked_id) VALUES (%s, %s)", (seller.user_id, buyer.user_id))
    with pytest.raises(Forbidden):
        marketplace_purchases.buy(buyer, item.id, PurchaseWish())
    assert marketplace.item(item.id).stock == 3


def give_coins_to(actor: Actor, coins: int) -> None:
    wallets.grant(actor.user_id, coins, reference=actor.user_id, key=str(new_id()))


def test_a_frozen_wallet_buys_nothing() -> None:
    buyer, item = _buyer(500), _offer()
    query("UPDATE accounts_ledger SET frozen_at = now() WHERE owner_id = %s", (buyer.user_id,))
    with pytest.raises(Conflict) as refusal:
        marketplace_purchases.buy(buyer, item.id, PurchaseWish())
    assert refusal.value.code == "wallet_frozen"
    assert marketplace.item(item.id).stock == 3


def test_a_withdrawn_item_is_off_the_market_and_stays_bought() -> None:
    seller, buyer = _seller(), _buyer(500)
    item = _offer(seller=seller)
    marketplace_purchases.buy(buyer, item.id, PurchaseWish())
    marketplace.withdraw_item(seller, item.id)
    assert item.id not in {shown.id for shown in marketplace.items_on_sale(None, 100, None).items}
    for act in (
        lambda: marketplace.item(item.id),
        lambda: marketplace.withdraw_item(seller, item.id),
        lambda: marketplace_purchases.buy(buyer, item.id, PurchaseWish()),
    ):
        with pytest.raises(NotFound):
            act()
    [bought] = marketplace_purchases.purchases_of(buyer, 20, None).items
    assert bought.item.name == "Mug"


def test_a_suspended_sellers_items_are_not_on_sale() -> None:
    seller, buyer = _seller(), _buyer(500)
    item = _offer(seller=seller)
    query("UPDATE users SET suspended_at = now() WHERE id = %s", (seller.user_id,))
    assert item.id not in {shown.id for shown in marketplace.items_on_sale(None, 100, None).items}
    with pytest.raises(NotFound):
        marketplace_purchases.buy(buyer, item.id, PurchaseWish())


def test_only_the_seller_and_administrators_change_an_item() -> None:
    seller, item = _seller(), None
    item = _offer(seller=seller)
    for stranger in (_seller(), _buyer(1)):
        with pytest.raises(Forbidden):
            marketplace.edit_item(stranger, item.id, ItemEdit(price=1))
        with pytest.raises(Forbidden):
            marketplace.withdraw_item(stranger, item.id)
    changed = marketplace.edit_item(seller, item.id, ItemEdit(price=50, image=None))
    assert (changed.price, changed.image, changed.name, changed.stock) == (50, None, "Mug", 3)
    admin = actor_of(make_user(role=Role.ADMIN))
    assert marketplace.edit_item(admin, item.id, ItemEdit(stock=9)).stock == 9


def test_a_channel_is_needed_to_sell() -> None:
    with pytest.raises(Forbidden):
        _offer(seller=_buyer(1))


def test_lists_are_read_page_by_page_newest_first() -> None:
    seller, buyer = _seller(), _buyer(500)
    items = [_offer(ItemDraft(name=f"Thing {number}", price=1, stock=5), seller) for number in range(5)]
    for item in items:
        marketplace_purchases.buy(buyer, item.id, PurchaseWish())
    shown, cursor = [], None
    while True:
        page = marketplace.items_on_sale(seller.user_id, 2, cursor)
        shown += [item.name for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert shown == [f"Thing {number}" for number in (4, 3, 2, 1, 0)]
    first = marketplace_purchases.purchases_of(buyer, 3, None)
    rest = marketplace_purchases.purchases_of(buyer, 3, first.next_cursor)
    assert [bought.item.id for bought in first.items + rest.items] == [item.id for item in reversed(items)]


def test_of_100_concurrent_buyers_of_10_items_exactly_10_buy_one(committed_db: Settings) -> None:
    seller = _seller()
    item = _offer(ItemDraft(name="Rare", price=7, stock=10), seller)
    buyers = [_buyer(7) for _ in range(100)]

    def buy(buyer: Actor) -> str:
        with connection():
            try:
                marketplace_purchases.buy(buyer, item.id, PurchaseWish())
            except Conflict as refusal:
                return refusal.code
        return "bought"

    with ThreadPoolExecutor(30) as pool:
        outcomes = list(pool.map(buy, buyers))
    assert outcomes.count("bought") == 10
    assert outcomes.count("sold_out") == 90
    left = [wallets.wallet_of(buyer.user_id).balance for buyer in buyers]
    assert (left.count(0), left.count(7)) == (10, 90)
    assert (marketplace.item(item.id).stock, marketplace.item(item.id).sold) == (0, 10)
    assert ledger.balance_of(AccountKind.EARNINGS, seller.user_id) + ledger.balance_of(AccountKind.FEES) == 70
    assert reconciliation.reconcile().clean
