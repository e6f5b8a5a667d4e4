"""Discount codes: what they give, to whom, and never more often than they may."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest

from db.connection import connection, query
from db.models.coin_purchases import CoinPurchase
from db.models.users import User
from db.transactions import atomic
from services import abandoned_checkouts, checkout, clock, discount_codes, discounts, purchases, reconciliation, wallets
from services.actors import Role
from services.checkout import Checkout, PurchaseOrder
from services.discount_codes import DiscountCodeView, DiscountDraft
from services.discounts import CodeCheck
from services.errors import Conflict, Invalid, ServiceError, Unavailable
from services.gateways.payments.interface import PaymentFailed
from services.ids import new_id
from services.payment_providers import payment_providers
from services.refusals import translating
from settings import Settings
from tests.factories import actor_of, make_user
from tests.payments import (
    COINS,
    PRICE,
    FakeProvider,
    async_failed,
    completed,
    deliver,
    dispute,
    expired,
    make_pack,
    make_purchase,
    refunded,
)


@pytest.fixture(autouse=True)
def provider(request: pytest.FixtureRequest, _database: None) -> Iterator[FakeProvider]:
    if "committed_db" in request.fixturenames:
        request.getfixturevalue("committed_db")
    fake = FakeProvider()
    payment_providers.use({"stripe": fake})
    yield fake
    payment_providers.reset()


def make_code(**draft: object) -> DiscountCodeView:
    """A code of an admin."""
    values: dict[str, object] = {} if "bonus_coins" in draft else {"percent_off": 20}
    admin = make_user(role=Role.ADMIN)
    return discount_codes.create_code(actor_of(admin), DiscountDraft(**values | draft))  # type: ignore[arg-type]


def buy(user: User, code: str, pack: object = None) -> Checkout:
    """Begin a purchase with a code."""
    pack_id = getattr(pack, "id", None) or make_pack().id
    return checkout.start_purchase(actor_of(user), PurchaseOrder(coin_pack_id=pack_id, discount_code=code))


def uses(code: DiscountCodeView) -> int:
    [(count, counted)] = query(
        """SELECT d.uses, (SELECT count(*) FROM discount_redemptions r
                           WHERE r.discount_code_id = d.id AND r.released_at IS NULL)
           FROM discount_codes d WHERE d.id = %s""",
        (code.id,),
    )
    assert count == counted
    return int(count)


def purchase_of(started: Checkout) -> CoinPurchase:
    return CoinPurchase.get_by_id(started.purchase_id)


def test_a_percentage_is_taken_off_what_the_provider_asks(provider: FakeProvider) -> None:
    user, code = make_user(), make_code(code="less20")
    started = buy(user, "Less20")
    assert (started.price, started.coins, started.bonus_coins) == (PRICE * 80 // 100, COINS, 0)
    assert provider.orders[0].price == started.price
    deliver(completed(purchase_of(started)))
    assert wallets.wallet_of(user.id).balance == COINS
    assert uses(code) == 1
    assert reconciliation.reconcile().clean


def test_bonus_coins_come_with_the_bought_ones_and_go_with_a_refund(provider: FakeProvider) -> None:
    user, code = make_user(), make_code(bonus_coins=50)
    started = buy(user, code.code)
    assert (started.price, started.coins, started.bonus_coins) == (PRICE, COINS, 50)
    assert provider.orders[0].title == f"{COINS + 50} AstroTV coins"
    deliver(completed(purchase_of(started)))
    assert wallets.wallet_of(user.id).balance == COINS + 50
    deliver(refunded(purchase_of(started)))
    assert wallets.wallet_of(user.id).balance == 0
    assert reconciliation.reconcile().clean


def test_a_check_says_what_the_code_gives() -> None:
    pack = make_pack()
    for code, price, coins in ((make_code(), PRICE * 80 // 100, COINS), (make_code(bonus_coins=7), PRICE, COINS + 7)):
        quote = discounts.validate(actor_of(make_user()), CodeCheck(code.code.lower(), pack.id))
        assert (quote.valid, quote.reason, quote.price, quote.coins) == (True, None, price, coins)
        assert uses(code) == 0


def test_an_unusable_code_says_why_and_is_refused_at_the_checkout() -> None:
    day, now = timedelta(days=1), clock.now()
    user, pack = make_user(), make_pack()
    used = make_code()
    buy(user, used.code, make_pack())
    used_up = make_code(max_uses=1)
    buy(make_user(), used_up.code)
    for code, reason in (
        ("NO-SUCH-CODE", "unknown"),
        (make_code(is_active=False).code, "inactive"),
        (make_code(starts_at=now + day).code, "not_started"),
        (make_code(ends_at=now - day).code, "expired"),
        (make_code(package_ids=[make_pack().id]).code, "not_for_this_package"),
        (used_up.code, "used_up"),
        (used.code, "already_used"),
    ):
        quote = discounts.validate(actor_of(user), CodeCheck(code, pack.id))
        assert (quote.valid, quote.reason, quote.price, quote.coins) == (False, reason, PRICE, COINS)
        with pytest.raises(ServiceError) as refusal:
            buy(user, code, pack)
        assert refusal.value.code == f"discount_{reason}"
    assert CoinPurchase.select().where(CoinPurchase.user == user.id).count() == 1


@pytest.mark.parametrize(
    ("late_s", "reason"), [(-1, "not_started"), (0, None), (59, None), (60, "expired"), (61, "expired")]
)
def test_a_code_is_good_from_its_first_moment_until_its_last(late_s: int, reason: str | None) -> None:
    begins, user, pack = clock.now() + timedelta(hours=1), make_user(), make_pack()
    code = make_code(code="MINUTE", starts_at=begins, ends_at=begins + timedelta(minutes=1)).code
    with clock.frozen(begins + timedelta(seconds=late_s)):
        quote = discounts.validate(actor_of(user), CodeCheck(code, pack.id))
    assert (quote.valid, quote.reason) == (reason is None, reason)


def test_a_price_is_never_less_than_one_minor_unit() -> None:
    code, pack = make_code(percent_off=90), make_pack(price=3)
    assert buy(make_user(), code.code, pack).price == 1
    assert buy(make_user(), make_code(percent_off=50).code, pack).price == 1, "what is left of a unit is the buyer's"


def test_a_code_for_one_pack_works_for_that_pack() -> None:
    pack = make_pack()
    code = make_code(package_ids=[pack.id, pack.id])
    assert code.package_ids == [pack.id]
    assert buy(make_user(), code.code, pack).price == PRICE * 80 // 100


def test_codes_are_listed_page_by_page_newest_first_each_once() -> None:
    user, pack = make_user(), make_pack(reward_percent_off=10)
    for _ in range(5):
        deliver(completed(make_purchase(user, coin_pack=pack)))
    earned = [row[0] for row in query("SELECT id FROM discount_codes WHERE owner_id = %s ORDER BY id", (user.id,))]
    made = [*earned, *[make_code().id for _ in range(2)]]
    mine = partial(discount_codes.codes_of, actor_of(user))
    for listing, codes in ((discount_codes.all_codes, made), (mine, earned)):
        listed: list[object] = []
        cursor: str | None = None
        for _ in range((len(codes) + 1) // 2):
            page = listing(2, cursor)
            listed += [code.id for code in page.items]
            cursor = page.next_cursor
        assert (listed, cursor) == (codes[::-1], None)


def test_a_code_that_two_use_at_once_is_refused_to_one_in_words() -> None:
    code = make_code(max_uses=1)
    with pytest.raises(Conflict) as refusal, translating(discounts.REFUSALS), atomic():
        query("UPDATE discount_codes SET uses = 2 WHERE id = %s", (code.id,))
    assert refusal.value.code == "discount_used_up"


def test_a_code_is_free_again_once_its_checkout_is_abandoned() -> None:
    code, at = make_code(), clock.now()
    left, failed, paid = [purchase_of(buy(make_user(), code.code)) for _ in range(3)]
    query("UPDATE coin_purchases SET session = NULL WHERE id = %s", (left.id,))
    assert purchases.settle_failure(PaymentFailed(failed.id, "pi_1"), "stripe").changed
    deliver(completed(paid, amount_total=paid.price))
    assert uses(code) == 3, "after a try that failed another may follow"
    with clock.frozen(at + timedelta(hours=26)):
        assert [abandoned_checkouts.close_abandoned() for _ in range(2)] == [1, 0]
    assert uses(code) == 1
    assert CoinPurchase.get_by_id(left.id).status == "expired"


@pytest.mark.parametrize("end", [expired, async_failed])
def test_a_checkout_that_comes_to_nothing_gives_its_use_back(end: object) -> None:
    user, code = make_user(), make_code(max_uses=1)
    started = buy(user, code.code)
    assert uses(code) == 1
    for _ in range(2):
        deliver(end(purchase_of(started)))  # type: ignore[operator]
    assert uses(code) == 0
    assert buy(user, code.code).purchase_id != started.purchase_id
    assert uses(code) == 1


def test_the_same_order_again_gets_the_checkout_that_waits(provider: FakeProvider) -> None:
    user, pack, code = make_user(), make_pack(), make_code()
    first, second = buy(user, code.code, pack), buy(user, code.code, pack)
    assert first == second
    assert (len(provider.orders), uses(code)) == (1, 1)
    with pytest.raises(Conflict):
        buy(user, code.code, make_pack())


@pytest.mark.parametrize(("age_s", "is_taken_up"), [(23 * 3600 - 1, True), (23 * 3600, False)])
def test_an_order_that_waits_is_taken_up_for_nearly_a_day_whatever_codes_others_use(
    provider: FakeProvider, age_s: int, is_taken_up: bool
) -> None:
    user, pack, at = make_user(), make_pack(), clock.now()
    order = PurchaseOrder(coin_pack_id=pack.id)
    provider.away = True
    with pytest.raises(Unavailable):
        checkout.start_purchase(actor_of(user), order)
    provider.away = False
    buy(make_user(), make_code().code, pack)
    CoinPurchase.update(created_at=at - timedelta(seconds=age_s)).where(CoinPurchase.user == user.id).execute()
    waiting = CoinPurchase.get(CoinPurchase.user == user.id)
    with clock.frozen(at):
        assert (checkout.start_purchase(actor_of(user), order).purchase_id == waiting.id) is is_taken_up


def test_a_use_survives_the_provider_being_away(provider: FakeProvider) -> None:
    user, pack, code = make_user(), make_pack(), make_code()
    provider.away = True
    with pytest.raises(Unavailable):
        buy(user, code.code, pack)
    provider.away = False
    assert buy(user, code.code, pack).price == PRICE * 80 // 100
    assert uses(code) == 1


def test_a_code_for_ten_is_used_ten_times_by_a_hundred_at_once(committed_db: Settings) -> None:
    code, pack = make_code(max_uses=10), make_pack()
    outcomes = _at_once([make_user() for _ in range(100)], code.code, pack)
    assert outcomes.count("ordered") == 10
    assert outcomes.count("discount_used_up") == 90
    assert uses(code) == 10


def test_one_person_at_many_checkouts_at_once_uses_a_code_as_often_as_one_may(committed_db: Settings) -> None:
    code, user = make_code(max_uses_per_user=3), make_user()
    packs = [make_pack(name=f"Pack {number}") for number in range(20)]
    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(lambda pack: _ordered(user, code.code, pack), packs))
    assert outcomes.count("ordered") == 3
    assert outcomes.count("discount_already_used") == 17
    assert uses(code) == 3


def _at_once(users: list[User], code: str, pack: object) -> list[str]:
    with ThreadPoolExecutor(25) as pool:
        return list(pool.map(lambda user: _ordered(user, code, pack), users))


def _ordered(user: User, code: str, pack: object) -> str:
    with connection():
        try:
            buy(user, code, pack)
        except Conflict as refusal:
            return refusal.code
    return "ordered"


def test_a_qualifying_purchase_earns_a_code_for_oneself() -> None:
    user, pack = make_user(), make_pack(reward_percent_off=10)
    assert discount_codes.latest_reward(actor_of(user)) is None
    started, at = checkout.start_purchase(actor_of(user), PurchaseOrder(coin_pack_id=pack.id)), clock.now()
    with clock.frozen(at):
        for _ in range(2):
            deliver(completed(purchase_of(started)))
    [reward] = discount_codes.codes_of(actor_of(user), 20, None).items
    assert reward == discount_codes.latest_reward(actor_of(user))
    assert reward.ends_at == at + timedelta(days=90)
    assert (reward.percent_off, reward.max_uses, reward.uses, reward.owner_id) == (10, 1, 0, user.id)
    somebody_else = discounts.validate(actor_of(make_user()), CodeCheck(reward.code, pack.id))
    assert (somebody_else.valid, somebody_else.reason, somebody_else.kind) == (False, "unknown", None)
    assert buy(user, reward.code, pack).price == PRICE * 90 // 100
    told = query("SELECT data->>'code' FROM notifications WHERE user_id = %s AND data ? 'code'", (user.id,))
    assert told == [(reward.code,)]


def test_an_ordinary_purchase_earns_nothing() -> None:
    user = make_user()
    deliver(completed(purchase_of(checkout.start_purchase(actor_of(user), PurchaseOrder(coin_pack_id=make_pack().id)))))
    assert discount_codes.latest_reward(actor_of(user)) is None


def test_a_reward_is_withdrawn_while_its_payment_is_disputed_or_refunded() -> None:
    user, pack = make_user(), make_pack(reward_percent_off=10)
    started = checkout.start_purchase(actor_of(user), PurchaseOrder(coin_pack_id=pack.id))
    purchase = purchase_of(started)
    for event, usable in (
        (completed(purchase), True),
        (dispute(purchase, "created", "needs_response"), False),
        (dispute(purchase, "closed", "won"), True),
        (refunded(purchase), False),
    ):
        deliver(event)
        reward = discount_codes.latest_reward(actor_of(user))
        assert reward is not None
        assert discounts.validate(actor_of(user), CodeCheck(reward.code, pack.id)).valid is usable


def test_codes_that_make_no_sense_are_refused() -> None:
    admin, now = actor_of(make_user(role=Role.ADMIN)), clock.now()
    make_code(code="TAKEN")
    for draft, refusal in (
        (DiscountDraft(), Invalid),
        (DiscountDraft(percent_off=5, bonus_coins=5), Invalid),
        (DiscountDraft(percent_off=5, kind=discounts.DiscountKind.BONUS), Invalid),
        (DiscountDraft(percent_off=5, starts_at=now, ends_at=now), Invalid),
        (DiscountDraft(percent_off=5, package_ids=[new_id()]), Invalid),
        (DiscountDraft(percent_off=5, code="taken"), Conflict),
    ):
        with pytest.raises(refusal):
            discount_codes.create_code(admin, draft)


def test_codes_are_listed_page_by_page() -> None:
    made = [make_code().id for _ in range(3)]
    first = discount_codes.all_codes(2, None)
    rest = discount_codes.all_codes(2, first.next_cursor)
    assert [code.id for code in (*first.items, *rest.items)] == made[::-1]
    assert rest.next_cursor is None
