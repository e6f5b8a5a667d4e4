"""Gifts: coins leave one wallet and become earnings, points and news, all or nothing."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import msgspec
import pytest
import redis

from db.connection import connection, query
from db.models.loyalty import LoyaltyLevel
from services import gifts, ledger, loyalty, reconciliation, statements, wallets
from services.actors import Role
from services.errors import Conflict, Forbidden, Invalid, NotFound
from services.gifts import GiftOrder
from services.ids import new_id
from services.ledger import AccountKind
from settings import Settings
from tests.factories import actor_of, make_channel, make_stream, make_user
from tests.hearing import said
from tests.payments import give_coins

STAR, ROCKET = "Star", "Rocket"


def _gift(name: str) -> UUID:
    [(gift_id,)] = query("SELECT id FROM gifts WHERE name = %s", (name,))
    return UUID(str(gift_id))


def test_a_gift_is_shared_between_creator_and_platform() -> None:
    sender, creator = make_user(), make_user(role=Role.STREAMER)
    give_coins(sender, 500)
    order = GiftOrder(gift_id=_gift(ROCKET), streamer_id=creator.id, quantity=3, message="go!")
    receipt = gifts.give(actor_of(sender), order)
    assert (receipt.balance, receipt.points, receipt.level) == (350, 165, 0)
    assert ledger.balance_of(AccountKind.EARNINGS, creator.id) == 105
    assert ledger.balance_of(AccountKind.FEES) == 45
    [sent] = gifts.gifts_sent(actor_of(sender), 20, None).items
    [received] = gifts.gifts_received(actor_of(creator), 20, None).items
    assert (sent.id, sent.user.id, sent.coins) == (receipt.transaction_id, creator.id, 150)
    assert (received.id, received.user.id, received.message) == (receipt.transaction_id, sender.id, "go!")
    assert query("SELECT quantity, coins, points FROM gift_transactions") == [(3, 150, 165)]
    assert reconciliation.reconcile().clean


def test_points_add_up_and_reach_the_streamers_levels() -> None:
    sender, creator = make_user(), make_user(role=Role.STREAMER)
    for name, points in (("Friend", 50), ("Fan", 100)):
        LoyaltyLevel.create(streamer=creator.id, name=name, required_points=points)
    give_coins(sender, 500)
    order = GiftOrder(gift_id=_gift(ROCKET), streamer_id=creator.id)
    assert [gifts.give(actor_of(sender), order).level for _ in range(2)] == [1, 2]
    assert loyalty.standing_with(sender.id, creator.id) == loyalty.Standing(110, 2)


def test_the_platform_level_rises_with_all_points() -> None:
    assert [loyalty.platform_level(points) for points in (0, 99, 100, 10**6)] == [1, 1, 2, 7]


def test_chat_and_creator_hear_of_it(redis_client: "redis.Redis") -> None:
    sender, creator = make_user(), make_user()
    channel = make_channel(creator)
    stream = make_stream(channel)
    give_coins(sender, 10)
    listener = redis_client.pubsub()
    listener.subscribe(f"room:{channel.room_id}", f"user:{creator.id}")
    order = GiftOrder(gift_id=_gift(STAR), streamer_id=creator.id, stream_id=stream.id, quantity=2, message="hi")
    gifts.give(actor_of(sender), order)
    bodies = {heard.topic.partition(":")[0]: heard.body for heard in said(listener)}
    listener.close()
    event = msgspec.json.decode(bodies["room"])
    assert (event["type"], event["quantity"], event["message"]) == ("gift_received", 2, "hi")
    assert event["user"]["username"] == sender.username
    assert event["gift"]["name"] == STAR
    assert msgspec.json.decode(bodies["user"])["kind"] == "gift"


def test_a_wallet_for_37_pays_exactly_37_of_100_concurrent_gifts(committed_db: Settings) -> None:
    sender, creator = make_user(), make_user(role=Role.STREAMER)
    give_coins(sender, 37)
    order = GiftOrder(gift_id=_gift(STAR), streamer_id=creator.id)

    def give(_: int) -> str:
        with connection():
            try:
                gifts.give(actor_of(sender), order)
            except Conflict as refusal:
                return refusal.code
        return "given"

    with ThreadPoolExecutor(30) as pool:
        outcomes = list(pool.map(give, range(100)))
    assert outcomes.count("given") == 37
    assert outcomes.count("insufficient_coins") == 63
    assert wallets.wallet_of(sender.id).balance == 0
    assert ledger.balance_of(AccountKind.EARNINGS, creator.id) + ledger.balance_of(AccountKind.FEES) == 37
    assert loyalty.standing_with(sender.id, creator.id).points == 37
    assert reconciliation.reconcile().clean


def test_nothing_is_left_of_a_gift_that_cannot_be_paid() -> None:
    sender, creator = make_user(), make_user(role=Role.STREAMER)
    give_coins(sender, 49)
    with pytest.raises(Conflict) as refusal:
        gifts.give(actor_of(sender), GiftOrder(gift_id=_gift(ROCKET), streamer_id=creator.id))
    assert refusal.value.code == "insufficient_coins"
    assert gifts.gifts_sent(actor_of(sender), 20, None).items == []
    assert query("SELECT 1 FROM notifications WHERE user_id = %s", (creator.id,)) == []
    assert wallets.wallet_of(sender.id).balance == 49


def test_gifts_that_make_no_sense_are_refused() -> None:
    sender, creator = make_user(), make_user(role=Role.STREAMER)
    star = _gift(STAR)
    for order, refusal in (
        (GiftOrder(gift_id=star, streamer_id=sender.id), Invalid),
        (GiftOrder(gift_id=star, streamer_id=make_user().id), NotFound),
        (GiftOrder(gift_id=star, streamer_id=new_id()), NotFound),
        (GiftOrder(gift_id=new_id(), streamer_id=creator.id), NotFound),
        (GiftOrder(gift_id=star, streamer_id=creator.id, stream_id=make_stream().id), Invalid),
    ):
        with pytest.raises(refusal):
            gifts.give(actor_of(sender), order)


@pytest.mark.parametrize("by_creator", [True, False])
def test_a_block_between_two_stops_gifts_and_a_block_of_others_does_not(by_creator: bool) -> None:
    sender, creator, other = make_user(), make_user(role=Role.STREAMER), make_user()
    give_coins(sender, 10)
    order = GiftOrder(gift_id=_gift(STAR), streamer_id=creator.id)
    for pair in ((creator, other), (other, creator), (sender, other), (other, sender)):
        query("INSERT INTO blocks (blocker_id, blocked_id) VALUES (%s, %s)", tuple(person.id for person in pair))
    assert gifts.give(actor_of(sender), order).balance == 9
    blocker, blocked = (creator, sender) if by_creator else (sender, creator)
    query("INSERT INTO blocks (blocker_id, blocked_id) VALUES (%s, %s)", (blocker.id, blocked.id))
    with pytest.raises(Forbidden):
        gifts.give(actor_of(sender), order)


def test_a_streamers_own_gifts_are_for_that_streamer_alone() -> None:
    creator, other = make_user(role=Role.STREAMER), make_user(role=Role.STREAMER)
    own = new_id()
    query("INSERT INTO gifts (id, streamer_id, name, cost, points) VALUES (%s, %s, 'Cat', 1, 1)", (own, creator.id))
    assert own in {gift.id for gift in gifts.gifts_on_offer(creator.id)}
    assert own not in {gift.id for gift in gifts.gifts_on_offer(other.id)}
    assert own not in {gift.id for gift in gifts.gifts_on_offer(None)}
    with pytest.raises(NotFound):
        gifts.give(actor_of(creator), GiftOrder(gift_id=own, streamer_id=other.id))


def test_the_statement_lists_every_entry_page_by_page() -> None:
    sender, creator = make_user(), make_user(role=Role.STREAMER)
    give_coins(sender, 5)
    for _ in range(4):
        gifts.give(actor_of(sender), GiftOrder(gift_id=_gift(STAR), streamer_id=creator.id))
    seen: list[int] = []
    cursor = None
    while True:
        page = statements.entries_of(actor_of(sender), 2, cursor)
        seen += [entry.amount for entry in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [-1, -1, -1, -1, 5]
    [earned, *_] = statements.entries_of(actor_of(creator), 20, None).items
    assert (earned.account, earned.amount) == (AccountKind.EARNINGS, 1)


def test_gifts_are_listed_page_by_page_newest_first_each_once() -> None:
    sender, creator = make_user(), make_user(role=Role.STREAMER)
    give_coins(sender, 50)
    order = GiftOrder(gift_id=_gift(STAR), streamer_id=creator.id)
    given = [gifts.give(actor_of(sender), order).transaction_id for _ in range(5)]
    for listing, person in ((gifts.gifts_sent, sender), (gifts.gifts_received, creator)):
        listed: list[UUID] = []
        cursor: str | None = None
        for _ in range(3):
            page = listing(actor_of(person), 2, cursor)
            listed += [gift.id for gift in page.items]
            cursor = page.next_cursor
        assert (listed, cursor) == (given[::-1], None)
