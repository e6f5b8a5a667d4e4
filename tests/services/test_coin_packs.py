"""Coin packs are set up by administrators, and what was begun keeps its terms."""

import pytest

from services import coin_packs
from services.actors import Role
from services.coin_packs import PackDraft, PackEdit
from services.errors import Forbidden, NotFound
from services.ids import new_id
from tests.factories import actor_of, make_user
from tests.payments import make_purchase

DRAFT = PackDraft(name="Mega", coins=9000, price=30000)


def test_a_new_pack_is_on_sale_until_it_is_taken_off() -> None:
    admin = actor_of(make_user(role=Role.ADMIN))
    pack = coin_packs.create_pack(admin, DRAFT)
    assert (pack.currency, pack.is_active) == ("PEN", True)
    assert pack.id in {shown.id for shown in coin_packs.packs_on_sale()}
    off = coin_packs.edit_pack(admin, pack.id, PackEdit(is_active=False))
    assert (off.is_active, off.name, off.coins) == (False, "Mega", 9000)
    assert pack.id not in {shown.id for shown in coin_packs.packs_on_sale()}


def test_a_changed_pack_leaves_purchases_that_were_begun_alone() -> None:
    admin = actor_of(make_user(role=Role.ADMIN))
    purchase = make_purchase(make_user())
    coin_packs.edit_pack(admin, purchase.coin_pack_id, PackEdit(price=1, coins=1, currency="USD"))
    again = type(purchase).get_by_id(purchase.id)
    assert (again.price, again.coins, again.currency) == (purchase.price, purchase.coins, "PEN")


def test_nobody_but_an_administrator_sets_up_packs() -> None:
    for role in (Role.VIEWER, Role.STREAMER, Role.MODERATOR):
        with pytest.raises(Forbidden):
            coin_packs.create_pack(actor_of(make_user(role=role)), DRAFT)
    with pytest.raises(NotFound):
        coin_packs.edit_pack(actor_of(make_user(role=Role.ADMIN)), new_id(), PackEdit(price=1))
