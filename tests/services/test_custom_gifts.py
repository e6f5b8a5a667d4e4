"""A streamer's own gifts: offered, changed, and taken off the offer without touching the books."""

import pytest

from db.models.gifts import Gift
from services import custom_gifts, gifts, reconciliation
from services.actors import Role
from services.custom_gifts import GiftDraft
from services.errors import Conflict, Forbidden, NotFound
from services.gifts import GiftOrder
from services.ids import new_id
from tests.factories import actor_of, make_user
from tests.payments import give_coins

CAT = GiftDraft(name="Cat", cost=30, icon="🐈")


def test_a_gift_of_ones_own_is_on_offer_with_as_many_points_as_it_costs() -> None:
    creator = make_user(role=Role.STREAMER)
    made = custom_gifts.create_gift(actor_of(creator), CAT)
    assert (made.name, made.cost, made.points, made.streamer_id, made.icon) == ("Cat", 30, 30, creator.id, "🐈")
    assert made in gifts.gifts_on_offer(creator.id)
    assert custom_gifts.custom_gifts(actor_of(creator)) == [made]


def test_a_changed_gift_leaves_what_was_given_as_it_was() -> None:
    sender, creator = make_user(), make_user(role=Role.STREAMER)
    give_coins(sender, 100)
    gift = custom_gifts.create_gift(actor_of(creator), CAT)
    gifts.give(actor_of(sender), GiftOrder(gift_id=gift.id, streamer_id=creator.id))
    changed = custom_gifts.replace_gift(actor_of(creator), gift.id, GiftDraft(name="Lion", cost=70, points=5))
    assert (changed.name, changed.cost, changed.points, changed.icon) == ("Lion", 70, 5, "")
    [sent] = gifts.gifts_sent(actor_of(sender), 20, None).items
    assert (sent.coins, sent.points) == (30, 30)


def test_a_gift_that_was_given_is_withdrawn_and_one_that_was_not_is_gone() -> None:
    sender, creator = make_user(), make_user(role=Role.STREAMER)
    give_coins(sender, 100)
    sold, unsold = (custom_gifts.create_gift(actor_of(creator), CAT) for _ in range(2))
    order = GiftOrder(gift_id=sold.id, streamer_id=creator.id)
    gifts.give(actor_of(sender), order)
    for gift in (sold, unsold):
        custom_gifts.delete_gift(actor_of(creator), gift.id)
    assert [row.id for row in Gift.select().where(Gift.streamer == creator.id)] == [sold.id]
    assert custom_gifts.custom_gifts(actor_of(creator)) == []
    with pytest.raises(NotFound):
        gifts.give(actor_of(sender), order)
    with pytest.raises(NotFound):
        custom_gifts.replace_gift(actor_of(creator), sold.id, CAT)
    assert gifts.gifts_sent(actor_of(sender), 20, None).items[0].gift.name == "Cat"
    assert reconciliation.reconcile().clean


def test_only_the_owner_and_administrators_change_a_gift() -> None:
    owner, other = make_user(role=Role.STREAMER), make_user(role=Role.STREAMER)
    gift = custom_gifts.create_gift(actor_of(owner), CAT)
    platforms = gifts.gifts_on_offer(None)[0]
    for gift_id in (gift.id, platforms.id):
        with pytest.raises(Forbidden):
            custom_gifts.replace_gift(actor_of(other), gift_id, CAT)
        with pytest.raises(Forbidden):
            custom_gifts.delete_gift(actor_of(other), gift_id)
    with pytest.raises(NotFound):
        custom_gifts.delete_gift(actor_of(other), new_id())
    custom_gifts.delete_gift(actor_of(make_user(role=Role.ADMIN)), gift.id)
    assert custom_gifts.custom_gifts(actor_of(owner)) == []


def test_a_gift_needs_a_channel_to_be_offered_on() -> None:
    with pytest.raises(Forbidden):
        custom_gifts.create_gift(actor_of(make_user()), CAT)


def test_gifts_of_ones_own_are_bounded_in_number() -> None:
    creator = make_user(role=Role.STREAMER)
    for _ in range(custom_gifts.MOST_GIFTS):
        custom_gifts.create_gift(actor_of(creator), CAT)
    with pytest.raises(Conflict):
        custom_gifts.create_gift(actor_of(creator), CAT)
