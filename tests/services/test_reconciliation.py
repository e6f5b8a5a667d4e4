"""Books that agree, whatever happened, and the one check that finds each way in which they may not."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from db.connection import query
from db.models.subscriptions import Subscription
from db.models.users import User
from services import (
    checkout,
    clock,
    discount_codes,
    financial,
    gifts,
    job_metrics,
    marketplace,
    marketplace_purchases,
    payouts,
    reconciliation,
    subscriptions,
)
from services.actors import Role
from services.checkout import PurchaseOrder
from services.discount_codes import DiscountDraft
from services.financial import BankDetails
from services.gifts import GiftOrder
from services.ids import new_id
from services.marketplace import ItemDraft
from services.marketplace_purchases import PurchaseWish
from services.payment_providers import payment_providers
from services.payouts import Outcome, PayoutWish, Settlement
from services.subscription_orders import SubscriptionOrder
from services.tiers import PaymentMethod, Tier
from tests.factories import actor_of, make_user
from tests.payments import (
    PRICE,
    FakeProvider,
    completed,
    deliver,
    dispute,
    give_coins,
    invoice_paid,
    invoice_payment,
    make_pack,
    make_purchase,
    month_refunded,
    refunded,
)
from tests.viewership import STAR


@pytest.fixture(autouse=True)
def world(_database: None) -> Iterator[User]:
    """A streamer who has earned in every way, and viewers who paid, and got money back."""
    payment_providers.use({"stripe": FakeProvider()})
    viewer, streamer = make_user(), make_user(role=Role.STREAMER)
    _purchases(viewer)
    give_coins(viewer, 5000)
    _spend(viewer, streamer)
    _pay_out(streamer)
    for half in (True, False):
        _month(streamer, half=half)
    yield streamer
    payment_providers.reset()


def _purchases(viewer: User) -> None:
    kept, halved, disputed, won, unpaid, early, owed = [make_purchase(viewer, bonus_coins=50) for _ in range(7)]
    for purchase in (kept, halved, disputed, won):
        deliver(completed(purchase))
    deliver(refunded(halved, PRICE // 2))
    for purchase in (disputed, won):
        deliver(dispute(purchase, "created", "needs_response"))
    deliver(dispute(won, "closed", "won"))
    deliver(refunded(early))
    assert unpaid.status == "pending"
    debtor = make_user()
    query("UPDATE coin_purchases SET user_id = %s WHERE id = %s", (debtor.id, owed.id))
    deliver(completed(owed))
    creator = make_user(role=Role.STREAMER)
    gifts.give(actor_of(debtor), GiftOrder(gift_id=STAR, streamer_id=creator.id, quantity=100))
    deliver(refunded(owed))
    code = discount_codes.create_code(actor_of(make_user(role=Role.ADMIN)), DiscountDraft(percent_off=20))
    order = PurchaseOrder(coin_pack_id=make_pack().id, discount_code=code.code)
    checkout.start_purchase(actor_of(viewer), order)


def _spend(viewer: User, streamer: User) -> None:
    gifts.give(actor_of(viewer), GiftOrder(gift_id=STAR, streamer_id=streamer.id, quantity=100))
    item = marketplace.offer_item(actor_of(streamer), ItemDraft(name="Mug", price=40, stock=3))
    marketplace_purchases.buy(actor_of(viewer), item.id, PurchaseWish(quantity=2))
    order = SubscriptionOrder(streamer_id=streamer.id, tier=Tier.BASIC, payment_method=PaymentMethod.COINS)
    subscriptions.subscribe(actor_of(viewer), order)


def _pay_out(streamer: User) -> None:
    actor, admin = actor_of(streamer), actor_of(make_user(role=Role.ADMIN))
    financial.keep_details(actor, BankDetails(account_holder="Ana", account_number="1234567890"))
    for outcome in (*Outcome, None):
        asked = payouts.ask_for_payout(actor, PayoutWish(amount=20))
        if outcome is not None:
            payouts.decide(admin, asked.id, Settlement(status=outcome, reference="TRX-1", reason="closed"))


def _month(streamer: User, *, half: bool) -> None:
    order = SubscriptionOrder(streamer_id=streamer.id, tier=Tier.PRO, payment_method=PaymentMethod.CARD)
    found = Subscription.get_by_id(subscriptions.subscribe(actor_of(make_user()), order).subscription.id)
    deliver(invoice_paid(found, clock.now() + timedelta(days=31)))
    deliver(invoice_payment(found))
    deliver(month_refunded(found, 1000) if half else dispute(found, "created", "needs_response"))


def test_whatever_happened_the_books_agree() -> None:
    assert reconciliation.reconcile().findings == []


@pytest.mark.parametrize(
    ("drift", "check"),
    [
        ("UPDATE accounts_ledger SET balance = balance + 1 WHERE kind = 'WALLET'", "cached_balances"),
        ("UPDATE coin_purchases SET reversed_coins = reversed_coins + 1 WHERE status = 'paid'",
         "purchases_credited_once"),
        ("UPDATE coin_purchases SET bonus_coins = bonus_coins + 1 WHERE paid_at > '-infinity'",
         "purchases_credited_once"),
        ("UPDATE coin_purchases SET refunded_amount = refunded_amount + 1 WHERE status = 'paid'", "purchases_paid"),
        ("UPDATE coin_purchases SET price = price + 1 WHERE status = 'refunded' AND paid_at > '-infinity'",
         "purchases_paid"),
        ("UPDATE gift_transactions SET coins = coins + 1", "gifts_paid"),
        ("UPDATE subscription_payments SET refunded_amount = refunded_amount + 1 WHERE status = 'paid'", "months_paid"),
        ("UPDATE subscription_payments SET status = 'paid' WHERE status = 'disputed'", "months_paid"),
        ("UPDATE discount_codes SET uses = uses + 1", "codes_counted"),
        ("UPDATE discount_redemptions SET released_at = now()", "codes_counted"),
        ("UPDATE accounts_ledger SET frozen_at = NULL WHERE frozen_at > '-infinity'", "debtors_frozen"),
        ("UPDATE accounts_ledger SET frozen_at = now() WHERE kind = 'WALLET' AND frozen_at IS NULL", "debtors_frozen"),
        ("UPDATE marketplace_purchases SET coins = coins + 1", "sales_paid"),
        ("UPDATE marketplace_items SET sold = sold + 1", "items_sold"),
        ("UPDATE payouts SET amount = amount + 1 WHERE status = 'pending'", "payouts_held"),
        ("UPDATE payouts SET amount = amount + 1 WHERE status = 'settled'", "payouts_paid_out"),
    ],
)  # fmt: skip
def test_each_drift_is_found_by_its_own_check(drift: str, check: str) -> None:
    query("SET LOCAL ROLE NONE")  # the application may not write all of this
    assert query(f"{drift} RETURNING 1")
    found = {finding.check for finding in reconciliation.reconcile().findings}
    assert found == {check}
    drift_seen = job_metrics.drift()
    assert drift_seen is not None
    assert {name for name, findings in drift_seen.findings.items() if findings} == {check}


def test_a_transaction_that_does_not_balance_is_found() -> None:
    transaction_id = new_id()
    query(
        """INSERT INTO ledger_transactions (id, kind, currency, reference, idempotency_key)
           VALUES (%s, 'GRANT', 'PEN', %s, 'odd')""",
        (transaction_id, new_id()),
    )
    query(
        """INSERT INTO ledger_entries (id, transaction_id, account_id, currency, amount)
           SELECT %s, %s, id, currency, 5 FROM accounts_ledger WHERE kind = 'FEES' AND currency = 'PEN'""",
        (new_id(), transaction_id),
    )
    found = {finding.check: finding for finding in reconciliation.reconcile().findings}
    assert found.keys() == {"transactions_balance", "currencies_sum_to_zero"}
    assert found["transactions_balance"].subject == str(transaction_id)
    assert found["transactions_balance"].detail == "1 entries that sum to 5"
    assert found["currencies_sum_to_zero"].detail == "all entries sum to 5"
