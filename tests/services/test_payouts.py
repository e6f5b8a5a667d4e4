"""Payouts: earnings leave once, and come back where they are refused."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from db.connection import connection, query
from db.transactions import atomic
from services import financial, ledger, notifications, payouts, reconciliation
from services.actors import Actor, Role
from services.errors import Conflict, NotFound, ServiceError
from services.financial import BankDetails
from services.ids import new_id
from services.ledger import AccountKind, Leg, Posting, TransactionKind
from services.payouts import Outcome, PayoutStatus, PayoutWish, Settlement
from settings import Settings
from tests.factories import actor_of, make_user

SETTLE = Settlement(status=Outcome.SETTLED, reference="TRX-1")
REFUSE = Settlement(status=Outcome.REFUSED, reason="The account is closed.")


def earner(amount: int, currency: str = "COIN") -> Actor:
    """A streamer who has earned something and said where to pay to."""
    actor = actor_of(make_user(role=Role.STREAMER))
    financial.keep_details(actor, BankDetails(account_holder="Ana", account_number="1234567890"))
    earn(actor, amount, currency)
    return actor


def earn(actor: Actor, amount: int, currency: str = "COIN") -> None:
    legs = (Leg(AccountKind.ISSUED, -amount), Leg(AccountKind.EARNINGS, amount, actor.user_id))
    key = str(new_id())
    with atomic():
        ledger.post(
            Posting(kind=TransactionKind.GRANT, reference=new_id(), idempotency_key=key, legs=legs, currency=currency)
        )


def _admin() -> Actor:
    return actor_of(make_user(role=Role.ADMIN))


def _balances(actor: Actor, currency: str = "COIN") -> tuple[int, int, int]:
    """Earnings, what is held of them, and what the platform has paid out in all."""
    own = [ledger.balance_of(kind, actor.user_id, currency) for kind in (AccountKind.EARNINGS, AccountKind.PAYOUTS)]
    return own[0], own[1], ledger.balance_of(AccountKind.PAID_OUT, None, currency)


def test_what_is_asked_for_is_held_and_leaves_when_it_is_settled() -> None:
    actor, admin = earner(100), _admin()
    asked = payouts.ask_for_payout(actor, PayoutWish(amount=60))
    assert (asked.status, asked.amount, asked.account_last4) == (PayoutStatus.PENDING, 60, "7890")
    assert _balances(actor) == (40, 60, 0)
    settled = payouts.decide(admin, asked.id, SETTLE)
    assert (settled.status, settled.reference) == (PayoutStatus.SETTLED, "TRX-1")
    assert settled.decided_at is not None
    assert _balances(actor) == (40, 0, 60)
    assert reconciliation.reconcile().clean


def test_what_is_refused_comes_back_and_its_streamer_is_told_why() -> None:
    actor = earner(100)
    asked = payouts.ask_for_payout(actor, PayoutWish(amount=100))
    payouts.decide(_admin(), asked.id, REFUSE)
    assert _balances(actor) == (100, 0, 0)
    [(kind, body)] = query("SELECT kind, body FROM notifications WHERE user_id = %s", (actor.user_id,))
    assert (kind, body) == ("payout", "The account is closed.")
    assert payouts.ask_for_payout(actor, PayoutWish(amount=100)).status is PayoutStatus.PENDING
    assert reconciliation.reconcile().clean


@pytest.mark.parametrize(
    ("settlement", "title", "body"),
    [(SETTLE, "Your payout is on its way", ""), (REFUSE, "Your payout was refused", "The account is closed.")],
)
def test_a_streamer_is_told_what_became_of_their_payout(settlement: Settlement, title: str, body: str) -> None:
    actor, other = earner(100), earner(100)
    asked = payouts.ask_for_payout(actor, PayoutWish(amount=60))
    payouts.decide(_admin(), asked.id, settlement)
    (told,) = notifications.notifications_of(actor, 10, None).items
    assert (told.title, told.body) == (title, body)
    assert told.data == {
        "payoutId": str(asked.id),
        "status": settlement.status.value,
        "amount": 60,
        "currency": "COIN",
    }
    assert notifications.notifications_of(other, 10, None).items == []


def test_no_more_is_asked_for_than_is_left() -> None:
    actor = earner(100)
    payouts.ask_for_payout(actor, PayoutWish(amount=70))
    for wish in (PayoutWish(amount=31), PayoutWish(amount=1, currency="PEN")):
        with pytest.raises(Conflict) as refusal:
            payouts.ask_for_payout(actor, wish)
        assert refusal.value.code == "insufficient_earnings"
    assert _balances(actor) == (30, 70, 0)


def test_each_currency_is_paid_out_by_itself() -> None:
    actor = earner(5000, "PEN")
    asked = payouts.ask_for_payout(actor, PayoutWish(amount=5000, currency="PEN"))
    payouts.decide(_admin(), asked.id, SETTLE)
    assert _balances(actor, "PEN") == (0, 0, 5000)
    assert _balances(actor) == (0, 0, 0)
    assert reconciliation.reconcile().clean


def test_bank_details_come_first() -> None:
    actor = actor_of(make_user(role=Role.STREAMER))
    earn(actor, 10)
    with pytest.raises(Conflict) as refusal:
        payouts.ask_for_payout(actor, PayoutWish(amount=10))
    assert refusal.value.code == "financial_details_required"


@pytest.mark.parametrize("first", [SETTLE, REFUSE])
@pytest.mark.parametrize("second", [SETTLE, REFUSE])
def test_a_payout_is_decided_once(first: Settlement, second: Settlement) -> None:
    actor, admin = earner(10), _admin()
    asked = payouts.ask_for_payout(actor, PayoutWish(amount=10))
    payouts.decide(admin, asked.id, first)
    before = _balances(actor)
    with pytest.raises(Conflict) as refusal:
        payouts.decide(admin, asked.id, second)
    assert refusal.value.code == "already_decided"
    assert _balances(actor) == before


def test_nobody_but_an_administrator_decides() -> None:
    actor = earner(10)
    asked = payouts.ask_for_payout(actor, PayoutWish(amount=10))
    for person in (actor, actor_of(make_user(role=Role.MODERATOR))):
        with pytest.raises(NotFound):
            payouts.decide(person, asked.id, SETTLE)
    with pytest.raises(NotFound):
        payouts.decide(_admin(), new_id(), SETTLE)
    assert _balances(actor) == (0, 10, 0)


def test_whoever_pays_sees_where_to_and_nobody_else_does() -> None:
    actor = earner(10)
    asked = payouts.ask_for_payout(actor, PayoutWish(amount=10))
    shown = payouts.payout_to_pay(_admin(), asked.id)
    assert (shown.bank_details.account_number, shown.amount, shown.id) == ("1234567890", 10, asked.id)
    for person in (actor, actor_of(make_user(role=Role.MODERATOR))):
        with pytest.raises(NotFound):
            payouts.payout_to_pay(person, asked.id)


def test_everybody_lists_their_own_and_administrators_what_waits() -> None:
    actor, other = earner(10), earner(10)
    mine = [payouts.ask_for_payout(actor, PayoutWish(amount=1)).id for _ in range(3)]
    foreign = payouts.ask_for_payout(other, PayoutWish(amount=1)).id
    first = payouts.payouts_of(actor, 2, None)
    rest = payouts.payouts_of(actor, 2, first.next_cursor)
    assert [payout.id for payout in first.items + rest.items] == mine[::-1]
    payouts.decide(_admin(), foreign, REFUSE)
    assert {payout.id for payout in payouts.payouts_in(PayoutStatus.PENDING, 100, None).items} == set(mine)
    assert [payout.id for payout in payouts.payouts_in(PayoutStatus.REFUSED, 100, None).items] == [foreign]


def _outcomes(acts: list[Callable[[], object]]) -> list[str]:
    def run(act: Callable[[], object]) -> str:
        with connection():
            try:
                act()
            except ServiceError as refusal:
                return refusal.code
        return "done"

    with ThreadPoolExecutor(20) as pool:
        return list(pool.map(run, acts))


def test_of_40_concurrent_requests_no_more_than_the_earnings_are_held(committed_db: Settings) -> None:
    actor = earner(100)
    outcomes = _outcomes([lambda: payouts.ask_for_payout(actor, PayoutWish(amount=9))] * 40)
    assert outcomes.count("done") == 11
    assert outcomes.count("insufficient_earnings") == 29
    assert _balances(actor) == (1, 99, 0)
    assert reconciliation.reconcile().clean


def test_of_many_decisions_at_a_time_one_counts(committed_db: Settings) -> None:
    actor, admin = earner(50), _admin()
    asked = payouts.ask_for_payout(actor, PayoutWish(amount=50))
    acts: list[Callable[[], object]] = [
        lambda: payouts.decide(admin, asked.id, SETTLE),
        lambda: payouts.decide(admin, asked.id, REFUSE),
    ]
    outcomes = _outcomes(acts * 10)
    assert outcomes.count("done") == 1
    assert outcomes.count("already_decided") == 19
    assert _balances(actor) in ((50, 0, 0), (0, 0, 50))
    assert reconciliation.reconcile().clean
