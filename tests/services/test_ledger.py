"""The ledger: what the database itself refuses, and that caches follow entries."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import peewee
import pytest

from db.connection import connection, query
from db.models.ledger import LedgerEntry
from db.transactions import atomic
from services import ledger, reconciliation, wallets
from services.errors import Conflict, NotFound
from services.ids import new_id
from services.ledger import AccountKind, Leg, PaymentPurpose, Posting, TransactionKind
from services.refusals import translating, violated_constraint
from settings import Settings
from tests.factories import make_user
from tests.payments import give_coins

APPEND_ONLY = "ledger_append_only"


def _posting(*legs: Leg, key: str = "k", settles: PaymentPurpose | None = None, currency: str = "COIN") -> Posting:
    return Posting(
        kind=TransactionKind.GRANT,
        reference=new_id(),
        idempotency_key=key,
        legs=legs,
        settles=settles,
        currency=currency,
    )


def _issue(coins: int, owner: object) -> tuple[Leg, Leg]:
    return Leg(AccountKind.ISSUED, -coins), Leg(AccountKind.WALLET, coins, owner)  # type: ignore[arg-type]


def test_a_transaction_moves_cached_balances_with_its_entries() -> None:
    user = make_user()
    ledger.post(_posting(*_issue(70, user.id)))
    assert wallets.wallet_of(user.id).balance == 70
    assert ledger.balance_of(AccountKind.WALLET, user.id) == 70
    assert ledger.balance_of(AccountKind.ISSUED) == -70
    assert ledger.balance_of(AccountKind.WALLET) == 0, "the platform itself has no wallet"


def test_who_never_had_coins_has_an_empty_wallet_that_is_free() -> None:
    wallet = wallets.wallet_of(make_user().id)
    assert (wallet.balance, wallet.is_frozen, wallet.debt) == (0, False, 0)


def test_a_posting_tells_of_the_wallets_that_it_touched_and_of_nothing_else() -> None:
    user, creator = make_user(), make_user()
    legs = Leg(AccountKind.ISSUED, -9), Leg(AccountKind.WALLET, 7, user.id), Leg(AccountKind.EARNINGS, 2, creator.id)
    assert ledger.post(_posting(*legs)).wallets == {user.id: ledger.WalletState(7, False)}


def test_earnings_in_two_currencies_are_two_accounts() -> None:
    creator = make_user()
    for number, (currency, amount) in enumerate((("PEN", 7), ("COIN", 5), ("PEN", 2))):
        legs = Leg(AccountKind.FEES, -amount), Leg(AccountKind.EARNINGS, amount, creator.id)
        ledger.post(_posting(*legs, key=str(number), currency=currency))
    assert ledger.balance_of(AccountKind.EARNINGS, creator.id, "PEN") == 9
    assert ledger.balance_of(AccountKind.EARNINGS, creator.id) == 5


def test_a_wallet_cannot_be_overdrawn() -> None:
    user = make_user()
    give_coins(user, 5)
    with pytest.raises(Conflict) as refusal, translating(ledger.REFUSALS), atomic():
        ledger.post(_posting(Leg(AccountKind.WALLET, -6, user.id), Leg(AccountKind.FEES, 6)))
    assert refusal.value.code == "insufficient_coins"
    assert wallets.wallet_of(user.id).balance == 5


def test_an_idempotency_key_posts_once() -> None:
    user = make_user()
    ledger.post(_posting(*_issue(1, user.id), key="once"))
    with pytest.raises(Conflict, match="settled before"), translating(ledger.REFUSALS), atomic():
        ledger.post(_posting(*_issue(1, user.id), key="once"))


def test_a_payment_is_settled_once_for_each_purpose() -> None:
    user = make_user()
    credit = PaymentPurpose("stripe", "pi_1", "credit")
    ledger.post(_posting(*_issue(1, user.id), key="a", settles=credit))
    ledger.post(_posting(*_issue(1, user.id), key="b", settles=PaymentPurpose("stripe", "pi_1", "bonus")))
    with pytest.raises(Conflict, match="settled before"), translating(ledger.REFUSALS), atomic():
        ledger.post(_posting(*_issue(1, user.id), key="c", settles=credit))


def test_what_does_not_sum_to_zero_does_not_commit(committed_db: Settings) -> None:
    user = make_user()
    with pytest.raises(peewee.IntegrityError) as refusal, atomic():
        ledger.post(_posting(Leg(AccountKind.ISSUED, -2), Leg(AccountKind.WALLET, 3, user.id)))
    assert violated_constraint(refusal.value) == "ledger_transactions_balanced"
    assert wallets.wallet_of(user.id).balance == 0


def test_a_transaction_without_entries_does_not_commit(committed_db: Settings) -> None:
    with pytest.raises(peewee.IntegrityError) as refusal, atomic():
        query(
            """INSERT INTO ledger_transactions (id, kind, currency, reference, idempotency_key)
               VALUES (%s, 'GRANT', 'COIN', %s, 'empty')""",
            (new_id(), new_id()),
        )
    assert violated_constraint(refusal.value) == "ledger_transactions_balanced"


def test_an_old_transaction_takes_no_further_entry(committed_db: Settings) -> None:
    user = make_user()
    give_coins(user, 3)
    entry = LedgerEntry.select().first()
    with pytest.raises(peewee.IntegrityError) as refusal, atomic():
        LedgerEntry.create(transaction=entry.transaction, account=entry.account, currency="COIN", amount=1)
    assert violated_constraint(refusal.value) == "ledger_transactions_balanced"


def test_entries_keep_to_the_currency_of_their_account() -> None:
    user = make_user()
    give_coins(user, 3)
    entry = LedgerEntry.select().first()
    with pytest.raises(peewee.IntegrityError), atomic():
        LedgerEntry.create(transaction=entry.transaction, account=entry.account, currency="PEN", amount=1)


@pytest.mark.parametrize("table", ["ledger_entries", "ledger_transactions"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET created_at = now()", "DELETE FROM {}"])
def test_the_application_may_not_rewrite_the_ledger(table: str, statement: str) -> None:
    give_coins(make_user(), 3)
    with pytest.raises(peewee.ProgrammingError, match="permission denied"), atomic():
        query(statement.format(table))


@pytest.mark.parametrize("table", ["ledger_entries", "ledger_transactions"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET created_at = now()", "DELETE FROM {}"])
def test_even_the_owner_may_not_rewrite_the_ledger(table: str, statement: str) -> None:
    give_coins(make_user(), 3)
    with pytest.raises(peewee.IntegrityError) as refusal, atomic():
        query("SET LOCAL ROLE NONE")
        query(statement.format(table))
    assert violated_constraint(refusal.value) == APPEND_ONLY


def test_accounts_are_opened_once_by_many_at_a_time(committed_db: Settings) -> None:
    users = [make_user() for _ in range(8)]

    def issue(number: int) -> None:
        with connection(), atomic():
            ledger.post(_posting(*_issue(1, users[number % 8].id), key=str(number)))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(issue, range(40)))
    assert sum(wallets.wallet_of(user.id).balance for user in users) == 40
    assert ledger.balance_of(AccountKind.ISSUED) == -40
    assert reconciliation.reconcile().clean


def test_a_grant_is_given_once() -> None:
    user = make_user()
    wallets.grant(user.id, 10, reference=user.id, key="welcome")
    with pytest.raises(Conflict):
        wallets.grant(user.id, 10, reference=user.id, key="welcome")
    assert wallets.wallet_of(user.id).balance == 10


def test_nobody_is_given_coins_who_is_not_there() -> None:
    with pytest.raises(NotFound):
        wallets.grant(new_id(), 5, reference=new_id(), key="nobody")


def test_a_debt_freezes_the_wallet_of_its_debtor_and_paying_thaws_it_and_no_other() -> None:
    owing, also_owing, free = (make_user() for _ in range(3))
    for user in (owing, also_owing, free):
        give_coins(user, 10)
    for user in (owing, also_owing):
        with atomic():
            wallets.take_back(_taking(user.id, 25))
    assert [_state(user.id) for user in (owing, also_owing, free)] == [(0, True, 15), (0, True, 15), (10, False, 0)]
    give_coins(owing, 15)
    assert [_state(user.id) for user in (owing, also_owing, free)] == [(0, False, 0), (0, True, 15), (10, False, 0)]
    with atomic():
        wallets.take_back(_taking(free.id, 10))
    assert _state(free.id) == (0, False, 0), "what is taken back to the last coin is no debt"


def _taking(owner: UUID, coins: int) -> wallets.CoinMove:
    return wallets.CoinMove(
        owner=owner, coins=coins, kind=TransactionKind.REFUND, reference=new_id(), idempotency_key=str(new_id())
    )


def _state(user_id: UUID) -> tuple[int, bool, int]:
    wallet = wallets.wallet_of(user_id)
    return wallet.balance, wallet.is_frozen, wallet.debt


def test_reconciliation_finds_a_balance_that_drifted() -> None:
    user = make_user()
    give_coins(user, 10)
    assert reconciliation.reconcile().clean
    query("UPDATE accounts_ledger SET balance = 11 WHERE owner_id = %s", (user.id,))
    [finding] = reconciliation.reconcile().findings
    assert finding.check == "cached_balances"
    assert finding.detail == "cached 11, entries sum to 10"
