"""Gifts: what is on offer, and giving one, by which coins become a creator's earnings and points."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from db.connection import acting_as_system, query
from db.models.gifts import GiftTransaction
from db.transactions import atomic
from services import ledger, loyalty, notifications, wallets
from services.actors import Actor
from services.bus import bus
from services.errors import Forbidden, Invalid, NotFound, ServiceError
from services.events import GiftReceived, GiftRef, UserRef, publish
from services.ids import new_id
from services.ledger import AccountKind, Leg, Posted, Posting, TransactionKind
from services.pages import Page, cut, decode_cursor
from services.refusals import translating
from services.topics import room_topic


class GiftView(msgspec.Struct, frozen=True, rename="camel"):
    """A gift on offer; `streamer_id` is null for the platform's own. Cost in coins."""

    id: UUID
    name: str
    cost: int
    points: int
    streamer_id: UUID | None
    icon: str


class GiftOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What somebody wants to give, to whom, and during which stream."""

    gift_id: UUID
    streamer_id: UUID
    stream_id: UUID | None = None
    quantity: Annotated[int, msgspec.Meta(ge=1, le=100)] = 1
    message: Annotated[str, msgspec.Meta(max_length=200)] = ""


class GiftReceipt(msgspec.Struct, frozen=True, rename="camel"):
    """What giving led to: coins left, and points and level (of the streamer's own ladder) reached."""

    transaction_id: UUID
    balance: int
    points: int
    level: int


class GivenGift(msgspec.Struct, frozen=True, rename="camel"):
    """A gift that was given, with whoever is at the other end of it."""

    id: UUID
    gift: GiftRef
    quantity: int
    coins: int
    points: int
    message: str
    stream_id: UUID | None
    user: UserRef
    created_at: datetime


class _Recipient(msgspec.Struct, frozen=True):
    user_id: UUID
    room_id: UUID
    are_apart: bool
    owns_stream: bool


def _not_on_offer() -> ServiceError:
    return NotFound("No such gift is on offer to this creator.", "gift_not_found")


REFUSALS: Mapping[str, Callable[[], ServiceError]] = {
    **ledger.REFUSALS,
    "gift_transactions_gift_id_fkey": _not_on_offer,  # it was deleted a moment ago
}


def gifts_on_offer(streamer_id: UUID | None) -> list[GiftView]:
    """The platform's gifts, and this streamer's own, cheapest first."""
    return [GiftView(*row) for row in query(_ON_OFFER, {"streamer": streamer_id})]


def give(actor: Actor, order: GiftOrder) -> GiftReceipt:
    """Give a gift; the coins, the points and the row are one transaction.

    Raises Invalid, NotFound, Forbidden (blocked), Conflict (`insufficient_coins`, `wallet_frozen`).
    """
    if order.streamer_id == actor.user_id:
        raise Invalid.field("streamerId", "must not be yourself", "gift_to_oneself")
    gift = _gift(order)
    recipient = _recipient(actor, order)
    with translating(REFUSALS), atomic():
        given_id = new_id()
        points = gift.points * order.quantity
        posted = _pay(actor, order, gift.cost * order.quantity, given_id)
        balance = wallets.spendable(posted, actor.user_id)
        _record(given_id, actor, order, gift, posted)
        standing = loyalty.add_points(actor.user_id, order.streamer_id, points)
        _tell(actor, order, gift, recipient, standing)
    return GiftReceipt(given_id, balance, standing.points, standing.level)


def gifts_sent(actor: Actor, limit: int, cursor: str | None) -> Page[GivenGift]:
    """Gifts that the actor gave, newest first; `user` is whom they gave it to."""
    return _given(_SENT, actor, limit, cursor)


def gifts_received(actor: Actor, limit: int, cursor: str | None) -> Page[GivenGift]:
    """Gifts that the actor received, newest first; `user` is who gave it."""
    return _given(_RECEIVED, actor, limit, cursor)


def _gift(order: GiftOrder) -> GiftView:
    rows = query(_ON_OFFER_ONE, {"streamer": order.streamer_id, "gift": order.gift_id})
    if not rows:
        raise _not_on_offer()
    return GiftView(*rows[0])


def _recipient(actor: Actor, order: GiftOrder) -> _Recipient:
    rows = query(_RECIPIENT, {"streamer": order.streamer_id, "sender": actor.user_id, "stream": order.stream_id})
    if not rows:
        raise NotFound("No such creator.", "creator_not_found")
    recipient = _Recipient(*rows[0])
    if recipient.are_apart:
        raise Forbidden("No gifts pass between you and this creator.", "blocked")
    if not recipient.owns_stream:
        raise Invalid.field("streamId", "is no stream of this creator")
    return recipient


def _pay(actor: Actor, order: GiftOrder, coins: int, given_id: UUID) -> Posted:
    share = coins * bus.settings.platform_share_percent // 100
    return ledger.post(
        Posting(
            kind=TransactionKind.GIFT,
            reference=given_id,
            idempotency_key=f"gift:{given_id}",
            legs=(
                Leg(AccountKind.WALLET, -coins, actor.user_id),
                Leg(AccountKind.EARNINGS, coins - share, order.streamer_id),
                Leg(AccountKind.FEES, share),
            ),
        )
    )


@acting_as_system("what was given is written by the platform")
def _record(given_id: UUID, actor: Actor, order: GiftOrder, gift: GiftView, posted: Posted) -> None:
    GiftTransaction.insert(
        id=given_id,
        ledger_transaction=posted.transaction_id,
        gift=gift.id,
        sender=actor.user_id,
        streamer=order.streamer_id,
        stream=order.stream_id,
        quantity=order.quantity,
        coins=gift.cost * order.quantity,
        points=gift.points * order.quantity,
        message=order.message,
    ).execute()


def _tell(actor: Actor, order: GiftOrder, gift: GiftView, recipient: _Recipient, standing: loyalty.Standing) -> None:
    [sender] = query("SELECT id, username, name, avatar FROM users WHERE id = %s", (actor.user_id,))
    event = GiftReceived(
        user=UserRef(*sender),
        gift=GiftRef(gift.id, gift.name, gift.cost, gift.icon),
        quantity=order.quantity,
        message=order.message,
        points=standing.points,
        level=standing.level,
    )
    publish(event, room_topic(recipient.room_id))
    title = f"{event.user.username} gave you {order.quantity} × {gift.name}"
    data = {"giftId": str(gift.id), "quantity": order.quantity, "senderId": str(actor.user_id)}
    notifications.notify(recipient.user_id, "gift", title, order.message, data)


def _given(sql: str, actor: Actor, limit: int, cursor: str | None) -> Page[GivenGift]:
    (before,) = decode_cursor(cursor, tuple[UUID]) if cursor else (UUID(int=2**128 - 1),)
    rows = query(sql, (actor.user_id, before, limit + 1))
    return cut(rows, limit, _view, lambda row: (row[0],))


def _view(row: tuple[Any, ...]) -> GivenGift:
    quantity, coins, points, message, stream_id = row[5:10]
    return GivenGift(
        id=row[0],
        gift=GiftRef(*row[1:5]),
        quantity=quantity,
        coins=coins,
        points=points,
        message=message,
        stream_id=stream_id,
        user=UserRef(*row[10:14]),
        created_at=row[14],
    )


_ON_OFFER_ONLY = """
SELECT id, name, cost, points, streamer_id, icon FROM gifts
WHERE is_active AND (streamer_id IS NULL OR streamer_id = %(streamer)s)"""
_ON_OFFER = f"{_ON_OFFER_ONLY} ORDER BY cost, id"
_ON_OFFER_ONE = f"{_ON_OFFER_ONLY} AND id = %(gift)s"

_RECIPIENT = """
SELECT c.user_id, c.room_id,
       EXISTS (SELECT 1 FROM blocks WHERE (blocker_id = %(streamer)s AND blocked_id = %(sender)s)
                                       OR (blocker_id = %(sender)s AND blocked_id = %(streamer)s)),
       %(stream)s::uuid IS NULL OR EXISTS (SELECT 1 FROM streams WHERE id = %(stream)s AND channel_id = c.id)
FROM channels c JOIN users u ON u.id = c.user_id
WHERE c.user_id = %(streamer)s AND u.suspended_at IS NULL"""

_GIVEN = """
SELECT t.id, g.id, g.name, g.cost, g.icon, t.quantity, t.coins, t.points, t.message, t.stream_id,
       u.id, u.username, u.name, u.avatar, t.created_at
FROM gift_transactions t JOIN gifts g ON g.id = t.gift_id JOIN users u ON u.id = t.{other}
WHERE t.{mine} = %s AND t.id < %s ORDER BY t.id DESC LIMIT %s"""
_SENT = _GIVEN.format(mine="sender_id", other="streamer_id")
_RECEIVED = _GIVEN.format(mine="streamer_id", other="sender_id")
