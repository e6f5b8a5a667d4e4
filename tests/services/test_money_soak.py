"""Every kind of money moving at once, in many threads: the books agree with themselves afterwards."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from db.connection import connection, query
from db.models.users import User
from services import (
    custom_gifts,
    financial,
    gifts,
    ledger,
    marketplace,
    marketplace_purchases,
    payouts,
    reconciliation,
    subscriptions,
    wallets,
)
from services.actors import Role
from services.custom_gifts import GiftDraft
from services.errors import Conflict, NotFound
from services.financial import BankDetails
from services.gifts import GiftOrder
from services.ledger import AccountKind
from services.marketplace import ItemDraft, ItemEdit, ItemView
from services.marketplace_purchases import PurchaseWish
from services.payouts import Outcome, PayoutStatus, PayoutWish, Settlement
from services.subscription_orders import SubscriptionOrder
from services.tiers import PaymentMethod, Tier
from settings import Settings
from tests.factories import actor_of, make_user
from tests.payments import completed, deliver, give_coins, make_purchase, refunded
from tests.viewership import STAR

ACTS, THREADS = 600, 16
EXPECTED = {
    *("insufficient_coins", "sold_out", "wallet_frozen", "insufficient_earnings", "already_decided"),
    *("gift_not_found", "item_not_found", "already_subscribed"),
}


class Market:
    """Viewers with coins, streamers with things to sell, and everything that one may do to the other."""

    def __init__(self) -> None:
        self._random = random.Random(11)
        self.viewers = [make_user() for _ in range(8)]
        self.streamers = [make_user(role=Role.STREAMER) for _ in range(3)]
        self.admin = actor_of(make_user(role=Role.ADMIN))
        for viewer in self.viewers:
            give_coins(viewer, 400)
        for streamer in self.streamers:
            financial.keep_details(actor_of(streamer), BankDetails(account_holder="Ana", account_number="12345678"))
        self.offered = [stock for _ in self.streamers for stock in (5, 40)]
        sellers = [streamer for streamer in self.streamers for _ in (5, 40)]
        self.items = [self._offer(seller, stock) for seller, stock in zip(sellers, self.offered, strict=True)]
        self.restocked = self.items[0]

    def _offer(self, streamer: User, stock: int) -> ItemView:
        return marketplace.offer_item(actor_of(streamer), ItemDraft(name="Mug", price=17, stock=stock))

    def acts(self, count: int) -> list[Callable[[], object]]:
        """What is to happen, drawn beforehand, so that threads share no dice."""
        kinds: Sequence[Callable[[], Callable[[], object]]] = (
            *[self._gift] * 5,
            *[self._buy] * 4,
            *[self._ask] * 2,
            *[self._decide] * 2,
            self._own_gift,
            self._pay,
            self._restock,
            self._subscribe,
        )
        return [self._random.choice(kinds)() for _ in range(count)]

    def _gift(self) -> Callable[[], object]:
        viewer, streamer = self._random.choice(self.viewers), self._random.choice(self.streamers)
        order = GiftOrder(gift_id=STAR, streamer_id=streamer.id, quantity=self._random.randint(1, 20))
        return lambda: gifts.give(actor_of(viewer), order)

    def _buy(self) -> Callable[[], object]:
        viewer, item = self._random.choice(self.viewers), self._random.choice(self.items)
        wish = PurchaseWish(quantity=self._random.randint(1, 3))
        return lambda: marketplace_purchases.buy(actor_of(viewer), item.id, wish)

    def _ask(self) -> Callable[[], object]:
        streamer, wish = self._random.choice(self.streamers), PayoutWish(amount=self._random.randint(1, 90))
        return lambda: payouts.ask_for_payout(actor_of(streamer), wish)

    def _decide(self) -> Callable[[], object]:
        outcome = self._random.choice(list(Outcome))

        def decide() -> None:
            for payout in payouts.payouts_in(PayoutStatus.PENDING, 3, None).items:
                payouts.decide(self.admin, payout.id, Settlement(status=outcome))

        return decide

    def _own_gift(self) -> Callable[[], object]:
        viewer, streamer = self._random.choice(self.viewers), self._random.choice(self.streamers)

        def offer_give_and_delete() -> None:
            gift = custom_gifts.create_gift(actor_of(streamer), GiftDraft(name="Cat", cost=3))
            try:
                gifts.give(actor_of(viewer), GiftOrder(gift_id=gift.id, streamer_id=streamer.id))
            finally:
                custom_gifts.delete_gift(actor_of(streamer), gift.id)

        return offer_give_and_delete

    def _pay(self) -> Callable[[], object]:
        purchase, is_refunded = make_purchase(self._random.choice(self.viewers)), self._random.random() < 0.5

        def pay_and_refund() -> None:
            deliver(completed(purchase))
            if is_refunded:
                deliver(refunded(purchase))

        return pay_and_refund

    def _restock(self) -> Callable[[], object]:
        """Of one item alone: what is left of the others says how many were sold."""
        stock = self._random.randint(0, 5)
        return lambda: marketplace.edit_item(self.admin, self.restocked.id, ItemEdit(stock=stock))

    def _subscribe(self) -> Callable[[], object]:
        viewer, streamer = self._random.choice(self.viewers), self._random.choice(self.streamers)
        order = SubscriptionOrder(
            streamer_id=streamer.id, tier=self._random.choice(list(Tier)), payment_method=PaymentMethod.COINS
        )
        return lambda: subscriptions.subscribe(actor_of(viewer), order)


def _run(acts: Sequence[Callable[[], object]]) -> Counter[str]:
    def run(act: Callable[[], object]) -> str:
        with connection():
            try:
                act()
            except (Conflict, NotFound) as refusal:
                return refusal.code
        return "done"

    with ThreadPoolExecutor(THREADS) as pool:
        return Counter(pool.map(run, acts))


def _earnings_in_all(streamer: User) -> int:
    """Coins that a streamer was paid, less the platform's share of each sale."""
    [(earned,)] = query(
        """SELECT coalesce(sum(e.amount), 0) FROM ledger_entries e
           JOIN ledger_transactions t ON t.id = e.transaction_id JOIN accounts_ledger a ON a.id = e.account_id
           WHERE a.owner_id = %s AND a.kind = 'EARNINGS' AND t.kind IN ('GIFT', 'MARKETPLACE', 'SUBSCRIPTION')""",
        (streamer.id,),
    )
    return int(earned)


def test_everything_at_once_leaves_the_books_exact(committed_db: Settings) -> None:
    market = Market()
    outcomes = _run(market.acts(ACTS))
    assert outcomes.keys() <= EXPECTED | {"done"}
    assert outcomes["done"] > ACTS // 4
    assert outcomes["insufficient_coins"] > 0
    assert reconciliation.reconcile().findings == []
    assert query("SELECT currency FROM ledger_entries GROUP BY currency HAVING sum(amount) <> 0") == []
    for viewer in market.viewers:
        balance = wallets.wallet_of(viewer.id).balance
        assert balance == ledger.balance_of(AccountKind.WALLET, viewer.id) >= 0
    for item, offered in zip(market.items, market.offered, strict=True):
        now = marketplace.item(item.id)
        bought = query("SELECT coalesce(sum(quantity), 0) FROM marketplace_purchases WHERE item_id = %s", (item.id,))
        assert bought == [(now.sold,)]
        assert item is market.restocked or now.stock == offered - now.sold >= 0
    for streamer in market.streamers:
        _check_payouts(streamer)
    assert _cashed() == ledger.balance_of(AccountKind.PAID_OUT)


def _check_payouts(streamer: User) -> None:
    sums = dict(query("SELECT status, sum(amount) FROM payouts WHERE user_id = %s GROUP BY status", (streamer.id,)))
    held = ledger.balance_of(AccountKind.PAYOUTS, streamer.id)
    earnings = ledger.balance_of(AccountKind.EARNINGS, streamer.id)
    assert held == sums.get("pending", 0)
    assert earnings == _earnings_in_all(streamer) - sums.get("settled", 0) - held
    assert earnings >= 0


def _cashed() -> int:
    [(settled,)] = query("SELECT coalesce(sum(amount), 0) FROM payouts WHERE status = 'settled'")
    return int(settled)
