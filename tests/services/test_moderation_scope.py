"""Where somebody keeps order, and over whom."""

from datetime import timedelta

import pytest

from db.connection import query
from db.models.bans import Ban
from services import clock, moderation_scope, room_moderators, rooms, standing
from services.actors import Actor, Role
from services.errors import Forbidden, NotFound, ServiceError
from services.ids import new_id
from services.moderation_scope import EVERYWHERE, Scope
from services.rooms import RoomRef
from tests.factories import actor_of, make_user


class House:
    """A streamer's room with a moderator in it, another streamer, and people of each role."""

    def __init__(self) -> None:
        self.owner, self.helper = (actor_of(make_user(role=role)) for role in (Role.STREAMER, Role.VIEWER))
        self.viewer, self.rival = (actor_of(make_user(role=role)) for role in (Role.VIEWER, Role.STREAMER))
        self.staff, self.other_staff = (actor_of(make_user(role=Role.MODERATOR)) for _ in range(2))
        self.admin, self.other_admin = (actor_of(make_user(role=Role.ADMIN)) for _ in range(2))
        ((room_id,),) = query("SELECT room_id FROM channels WHERE user_id = %s", (self.owner.user_id,))
        self.room = RoomRef(room_id, rooms.room_name(room_id))
        room_moderators.appoint(self.owner, None, self.helper.user_id)


def code_of(error: pytest.ExceptionInfo[ServiceError]) -> str:
    return error.value.code


def test_left_out_the_room_is_everywhere_for_staff_and_ones_own_chat_for_a_streamer() -> None:
    house = House()
    assert moderation_scope.scope_of(house.staff, None) == moderation_scope.scope_of(house.admin, None) == EVERYWHERE
    own = moderation_scope.scope_of(house.owner, None)
    assert (own.room_id, own.name) == (house.room.id, house.room.alias)
    assert (EVERYWHERE.room_id, EVERYWHERE.name) == (None, None)


def test_who_has_no_channel_must_name_a_room() -> None:
    house = House()
    for actor in (house.helper, house.viewer):
        with pytest.raises(Forbidden, match="Say which room"):
            moderation_scope.scope_of(actor, None)
        with pytest.raises(NotFound) as refused:
            moderation_scope.owned_by(actor, None)
        assert code_of(refused) == "room_not_found"
    assert moderation_scope.scope_of(house.helper, house.room.alias) == Scope(house.room)


def test_staff_that_is_banned_from_the_platform_has_only_their_own_chat() -> None:
    house = House()
    Ban.create(user=house.staff.user_id)
    with pytest.raises(Forbidden):
        moderation_scope.scope_of(house.staff, None)
    assert not moderation_scope.keeps_order_in(house.staff, None)
    Ban.create(user=house.other_staff.user_id, room=house.room.id)
    assert moderation_scope.keeps_order_in(house.other_staff, None)


def test_staff_keeps_order_again_the_moment_their_ban_ends() -> None:
    house, at = House(), clock.now()
    Ban.create(user=house.staff.user_id, until=at)
    for late_s, keeps in ((-1, False), (0, True)):
        with clock.frozen(at + timedelta(seconds=late_s)):
            assert moderation_scope.keeps_order_in(house.staff, None) is keeps


def test_a_room_is_kept_by_its_owner_whom_they_named_and_staff() -> None:
    house = House()
    for actor in (house.owner, house.helper, house.staff, house.admin):
        assert moderation_scope.kept_by(actor, house.room) == Scope(house.room)
        assert moderation_scope.keeps_order_in(actor, house.room.id)
    for actor in (house.viewer, house.rival):
        with pytest.raises(Forbidden):
            moderation_scope.kept_by(actor, house.room)
        assert not moderation_scope.keeps_order_in(actor, house.room.id)
    assert [moderation_scope.keeps_order_in(actor, None) for actor in (house.owner, house.staff)] == [False, True]


def test_a_room_is_owned_by_its_owner_and_by_administrators() -> None:
    house = House()
    assert moderation_scope.owned_by(house.owner, None) == house.room
    for actor in (house.owner, house.admin):
        assert moderation_scope.owned_by(actor, house.room.alias) == house.room
    for actor in (house.helper, house.staff, house.rival):
        with pytest.raises(Forbidden):
            moderation_scope.owned_by(actor, house.room.alias)


EVERYBODY = ("owner", "helper", "viewer", "rival", "staff", "admin")
#: Who may act against whom: nobody against their like, and inside a room nobody against its owner.
INSIDE = {
    "admin": {"staff", "helper", "viewer", "rival"},
    "staff": {"helper", "viewer", "rival"},
    "owner": {"helper", "viewer", "rival"},
    "helper": {"viewer", "rival"},
}
PLATFORM = {
    "admin": {"staff", "owner", "helper", "viewer", "rival"},
    "staff": {"owner", "helper", "viewer", "rival"},
}


def refusal(actor: Actor, target: Actor, scope: Scope) -> str:
    """Why nobody may act so; empty where they may."""
    try:
        moderation_scope.must_outrank(actor, target.user_id, scope)
    except Forbidden as refused:
        return refused.code
    return ""


@pytest.mark.parametrize(("inside", "allowed"), [(True, INSIDE), (False, PLATFORM)])
def test_only_who_stands_higher_acts_against_somebody(inside: bool, allowed: dict[str, set[str]]) -> None:
    house = House()
    scope = Scope(house.room) if inside else EVERYWHERE
    for name in EVERYBODY:
        actor = getattr(house, name)
        told = {other: refusal(actor, getattr(house, other), scope) for other in EVERYBODY}
        passes = allowed.get(name, set())
        assert told == {other: "" if other in passes else "outranked" for other in EVERYBODY} | {
            name: "self_moderation"
        }
    for actor, like in ((house.staff, house.other_staff), (house.admin, house.other_admin)):
        assert refusal(actor, like, scope) == "outranked"


def test_nobody_acts_against_who_is_not_there() -> None:
    house = House()
    for scope in (EVERYWHERE, Scope(house.room)):
        with pytest.raises(NotFound) as refused:
            moderation_scope.must_outrank(house.admin, new_id(), scope)
        assert code_of(refused) == "user_not_found"


def test_a_room_that_is_not_there_gives_nobody_a_standing() -> None:
    nowhere = RoomRef(new_id(), "stream:nowhere")
    with pytest.raises(NotFound) as refused:
        standing.standing(actor_of(make_user()), nowhere.id)
    assert code_of(refused) == "room_not_found"
    assert standing.standing(actor_of(make_user()), House().room.id).is_owner is False
