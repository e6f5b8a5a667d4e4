"""How far the payment of coins came: the legal changes of a purchase, and what each moves.

pending → paid | failed | expired | refunded; paid → disputed | refunded; disputed → paid | refunded.
Nothing leads out of failed, expired and refunded: a late event never revives what is over. (Where a
provider names the try that failed, another try at the same checkout may still pay: failed → paid.) An
event that came before the one that it builds on raises NotYet, and is tried again.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from uuid import UUID

import msgspec

from db.models.coin_purchases import CoinPurchase
from db.models.subscriptions import SubscriptionPayment
from services import clock, discount_codes, discounts, ledger, notifications, wallets
from services.errors import Conflict, ServiceError
from services.gateways.payments.interface import (
    CheckoutExpired,
    DisputeClosed,
    DisputeOpened,
    PaymentFailed,
    PaymentRefunded,
    PaymentSucceeded,
)
from services.ledger import AccountKind, Leg, PaymentPurpose, Posted, Posting, TransactionKind
from services.wallets import CoinMove


class PurchaseStatus(StrEnum):
    """Where a purchase stands."""

    PENDING = "pending"
    PAID = "paid"
    FAILED = "failed"
    EXPIRED = "expired"
    DISPUTED = "disputed"
    REFUNDED = "refunded"


class Settlement(msgspec.Struct, frozen=True):
    """What became of an event; `note` says why nothing followed where `changed` is false."""

    changed: bool
    note: str = ""


class NotYet(Exception):
    """The event builds on another one that has not come."""


class PaymentMismatch(Exception):
    """The provider's money is not what was ordered; a person must look at it."""


CHANGED = Settlement(changed=True)
_HOLDS_MONEY = frozenset({PurchaseStatus.PAID, PurchaseStatus.DISPUTED})


def _used_twice() -> ServiceError:
    return Conflict("This payment settled another purchase.", "already_settled")


REFUSALS: Mapping[str, Callable[[], ServiceError]] = {
    **ledger.REFUSALS,
    "coin_purchases_payment_key": _used_twice,
}
"""For `translating` around the block in which an event is settled."""


def settle_success(event: PaymentSucceeded, provider: str) -> Settlement:
    """Credit the coins of a paid purchase, once; raises PaymentMismatch."""
    purchase = _locked(CoinPurchase.id == event.purchase_id, provider)
    if purchase is None:
        return _ignored("no such purchase")
    if purchase.payment == event.payment:
        return _ignored("the payment is settled already")
    if purchase.status != PurchaseStatus.PENDING and not _is_another_try(purchase):
        return _ignored(f"the purchase is {purchase.status}")
    _match(purchase, event)
    purchase.status, purchase.paid_at = PurchaseStatus.PAID, clock.now()
    purchase.payment, purchase.session = event.payment, event.session
    purchase.save()
    posted = wallets.put_in(_coins(purchase, TransactionKind.PURCHASE, _total(purchase), "credit"))
    _move_money(purchase, TransactionKind.PURCHASE, purchase.price, "sale")
    _tell_credited(purchase, posted)
    discount_codes.reward(purchase)
    return CHANGED


def settle_failure(event: PaymentFailed | CheckoutExpired, provider: str) -> Settlement:
    """Close a purchase for which no money comes."""
    purchase = _locked(CoinPurchase.id == event.purchase_id, provider)
    if purchase is None:
        return _ignored("no such purchase")
    if purchase.status != PurchaseStatus.PENDING:
        return _ignored(f"the purchase is {purchase.status}")
    failed = isinstance(event, PaymentFailed)
    purchase.status = PurchaseStatus.FAILED if failed else PurchaseStatus.EXPIRED
    if isinstance(event, PaymentFailed) and event.payment:
        purchase.payment = event.payment
    else:
        discounts.release(purchase.id)
    purchase.save()
    if failed:
        _tell(purchase, "Payment failed", "Your payment did not go through; nothing was charged.")
    return CHANGED


def settle_return(event: PaymentRefunded | DisputeOpened | DisputeClosed, provider: str) -> Settlement:
    """Settle money that went back, or came again after a dispute; raises NotYet."""
    match event:
        case PaymentRefunded():
            return settle_refund(event, provider)
        case DisputeOpened():
            return settle_dispute(event, provider)
        case DisputeClosed():
            return settle_dispute_end(event, provider)


def settle_refund(event: PaymentRefunded, provider: str) -> Settlement:
    """Take back the coins of what was refunded in all, in proportion; raises NotYet."""
    purchase = _paid_with(event.payment, provider, event.purchase_id)
    if purchase is None:
        raise NotYet("the refunded payment has not been settled")
    refunded = refunded_in_all(event, purchase, purchase.price)
    if purchase.status == PurchaseStatus.PENDING:
        return _refund_unpaid(purchase, refunded)
    if purchase.status not in _HOLDS_MONEY or refunded <= purchase.refunded_amount:
        return _ignored(f"the purchase is {purchase.status}, {purchase.refunded_amount} of it refunded")
    _refund(purchase, refunded)
    return CHANGED


def refunded_in_all(event: PaymentRefunded, paid: CoinPurchase | SubscriptionPayment, whole: int) -> int:
    """What has gone back of a payment with this event; a refund told before is not counted again."""
    if event.refund is None:
        return min(event.refunded_amount, whole)
    if event.refund in paid.refunds:
        return int(paid.refunded_amount)
    paid.refunds = [*paid.refunds, event.refund]
    return min(paid.refunded_amount + event.refunded_amount, whole)


def settle_dispute(event: DisputeOpened, provider: str) -> Settlement:
    """Take back the coins while the bank holds the money; raises NotYet."""
    purchase = _paid_with(event.payment, provider, None)
    if purchase is None or purchase.status == PurchaseStatus.PENDING:
        raise NotYet("the disputed payment has not been settled")
    if purchase.status != PurchaseStatus.PAID:
        return _ignored(f"the purchase is {purchase.status}")
    _open_dispute(purchase, event.dispute)
    return CHANGED


def settle_dispute_end(event: DisputeClosed, provider: str) -> Settlement:
    """Give the coins back where the bank decided for us; raises NotYet."""
    purchase = _paid_with(event.payment, provider, None)
    if purchase is None or purchase.status == PurchaseStatus.PENDING:
        raise NotYet("the disputed payment has not been settled")
    if purchase.status == PurchaseStatus.PAID:
        raise NotYet("the dispute has not been opened")
    if purchase.status != PurchaseStatus.DISPUTED:
        return _ignored(f"the purchase is {purchase.status}")
    if event.won:
        _win_dispute(purchase, event.dispute)
    else:
        purchase.status, purchase.refunded_amount = PurchaseStatus.REFUNDED, purchase.price
        purchase.save()
    return CHANGED


def _refund(purchase: CoinPurchase, refunded: int) -> None:
    """Bring coins and money in step with what was refunded in all; a dispute has taken them already."""
    is_disputed, delta = purchase.status == PurchaseStatus.DISPUTED, refunded - purchase.refunded_amount
    purchase.refunded_amount = refunded
    if refunded == purchase.price:
        purchase.status = PurchaseStatus.REFUNDED
        discount_codes.allow_reward(purchase.id, allowed=False)
    if is_disputed:
        purchase.save()
        return
    coins = _total(purchase) * refunded // purchase.price - purchase.reversed_coins
    _reverse(purchase, TransactionKind.REFUND, coins, delta, f"refund:{refunded}")
    _tell(purchase, "Purchase refunded", "A payment of yours was refunded.", coins=coins)


def _refund_unpaid(purchase: CoinPurchase, refunded: int) -> Settlement:
    """All money went back before we heard that it came: the purchase ends without coins."""
    if refunded < purchase.price:
        raise NotYet("part of a payment that has not been settled was refunded")
    purchase.status, purchase.refunded_amount = PurchaseStatus.REFUNDED, refunded
    purchase.save()
    return CHANGED


def _open_dispute(purchase: CoinPurchase, dispute: str) -> None:
    purchase.status = PurchaseStatus.DISPUTED
    coins = _total(purchase) - purchase.reversed_coins
    held = purchase.price - purchase.refunded_amount
    discount_codes.allow_reward(purchase.id, allowed=False)
    _reverse(purchase, TransactionKind.DISPUTE, coins, held, f"dispute:{dispute}")
    _tell(purchase, "Payment disputed", "A payment of yours is disputed.", coins=coins)


def _win_dispute(purchase: CoinPurchase, dispute: str) -> None:
    kept = _total(purchase) * purchase.refunded_amount // purchase.price
    restored = purchase.reversed_coins - kept
    purchase.status, purchase.reversed_coins = PurchaseStatus.PAID, kept
    purchase.save()
    discount_codes.allow_reward(purchase.id, allowed=True)
    won, purpose = TransactionKind.DISPUTE_WON, f"dispute_won:{dispute}"
    posted = wallets.put_in(_coins(purchase, won, restored, purpose))
    _move_money(purchase, won, purchase.price - purchase.refunded_amount, f"{purpose}:money")
    _tell_credited(purchase, posted)


def _reverse(purchase: CoinPurchase, kind: TransactionKind, coins: int, amount: int, purpose: str) -> None:
    purchase.reversed_coins += coins
    purchase.save()
    if coins:
        wallets.take_back(_coins(purchase, kind, coins, purpose))
    _move_money(purchase, kind, -amount, f"{purpose}:money")


def _coins(purchase: CoinPurchase, kind: TransactionKind, coins: int, purpose: str) -> CoinMove:
    return CoinMove(
        owner=purchase.user_id,
        coins=coins,
        kind=kind,
        reference=purchase.id,
        idempotency_key=f"purchase:{purchase.id}:{purpose}",
        settles=PaymentPurpose(purchase.provider, str(purchase.payment), purpose),
    )


def _move_money(purchase: CoinPurchase, kind: TransactionKind, amount: int, purpose: str) -> None:
    """Book what the provider holds for us (above zero) or gave back (below), in its currency."""
    income = AccountKind.REVENUE if kind is TransactionKind.PURCHASE else AccountKind.REFUNDS
    ledger.post(
        Posting(
            kind=kind,
            currency=purchase.currency,
            reference=purchase.id,
            idempotency_key=f"purchase:{purchase.id}:{purpose}",
            legs=(Leg(AccountKind.PROVIDER, -amount), Leg(income, amount)),
            settles=PaymentPurpose(purchase.provider, str(purchase.payment), purpose),
        )
    )


def _is_another_try(purchase: CoinPurchase) -> bool:
    """Whether it failed by a payment that the provider names: on the same page another may succeed."""
    return purchase.status == PurchaseStatus.FAILED and purchase.payment is not None


def _match(purchase: CoinPurchase, event: PaymentSucceeded) -> None:
    if event.currency != purchase.currency or event.amount < purchase.price:
        raise PaymentMismatch(f"ordered {purchase.price} {purchase.currency}, was paid {event.amount} {event.currency}")


def _locked(condition: object, provider: str) -> CoinPurchase | None:
    return CoinPurchase.select().where(condition, CoinPurchase.provider == provider).for_update(True).get_or_none()


def _paid_with(payment: str, provider: str, purchase_id: UUID | None) -> CoinPurchase | None:
    condition = CoinPurchase.payment == payment
    if purchase_id is not None:
        condition = condition | (CoinPurchase.id == purchase_id)
    return _locked(condition, provider)


def _total(purchase: CoinPurchase) -> int:
    return purchase.coins + purchase.bonus_coins


def _ignored(note: str) -> Settlement:
    return Settlement(changed=False, note=note)


def _tell_credited(purchase: CoinPurchase, posted: Posted) -> None:
    coins = _total(purchase) - purchase.reversed_coins
    wallet = posted.wallets.get(purchase.user_id) or wallets.wallet_of(purchase.user_id)  # a debt may take them all
    said = f"{coins} coins were credited to your wallet."
    _tell(purchase, "Coins received", said, coins=coins, balance=wallet.balance)


def _tell(purchase: CoinPurchase, title: str, body: str, **more: object) -> None:
    data = {"purchaseId": str(purchase.id), "status": str(purchase.status), **more}
    notifications.notify(purchase.user_id, "payment", title, body, data)
