"""Lounges: who finds and enters them, who is asked in and put out, and that closing keeps them."""

from uuid import UUID

import pytest

from services import (
    chat,
    lounge_members,
    lounges,
    moderation,
    moderation_history,
    notifications,
    presence,
    room_moderators,
    rooms,
)
from services.actors import Role
from services.chat import Draft
from services.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited, ServiceError
from services.ids import new_id
from services.lounge_members import Invitation
from services.lounges import LoungeDetails, LoungeDraft, LoungePatch, LoungeVisibility
from services.messages import Message
from services.moderation import BanDraft
from services.moderation_history import LogFilter
from services.moderation_log import Action
from services.moderation_scope import scope_of
from services.presence import Change
from tests.factories import actor_of, make_user
from tests.statements import statements

PRIVATE = LoungeVisibility.PRIVATE


class Den:
    """A lounge with its owner, a member who was asked in, and a stranger."""

    def __init__(self, visibility: LoungeVisibility = PRIVATE) -> None:
        self.owner, self.member, self.stranger = make_user(), make_user(), make_user()
        draft = LoungeDraft(name="Den", visibility=visibility)
        self.lounge: LoungeDetails = lounges.create_lounge(actor_of(self.owner), draft)
        self.id = str(self.lounge.id)
        lounge_members.invite(actor_of(self.owner), self.id, Invitation(user_id=self.member.id))

    def say(self, who: str, text: str = "hello") -> Message:
        actor = actor_of(getattr(self, who))
        return chat.send_message(Draft(room=rooms.find_room(self.lounge.room, actor), actor=actor, text=text))


def test_a_private_lounge_is_for_those_who_were_asked_in() -> None:
    den = Den()
    assert den.say("member").seq == 1
    for attempt in (
        lambda: den.say("stranger"),
        lambda: lounges.lounge(actor_of(den.stranger), den.id),
        lambda: lounges.lounge_messages(actor_of(den.stranger), den.id, 10, None),
        lambda: rooms.find_room(den.lounge.room),
        lambda: lounge_members.members(actor_of(den.stranger), den.id, 10, None),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert [m.text for m in lounges.lounge_messages(actor_of(den.owner), den.id, 10, None).items] == ["hello"]
    (told,) = notifications.notifications_of(actor_of(den.member), 10, None).items
    assert (told.kind, told.data["loungeId"]) == ("invitation", den.id)


def test_lists_show_public_lounges_and_ones_own_newest_first() -> None:
    public, private = Den(LoungeVisibility.PUBLIC), Den()
    assert [lounge.id for lounge in lounges.lounges(actor_of(private.stranger), False, 10, None).items] == [
        public.lounge.id
    ]
    both = lounges.lounges(actor_of(private.member), False, 1, None)
    rest = lounges.lounges(actor_of(private.member), False, 1, both.next_cursor)
    assert [lounge.id for lounge in both.items + rest.items] == [private.lounge.id, public.lounge.id]
    mine = lounges.lounges(actor_of(private.member), True, 10, None).items
    assert [(lounge.id, lounge.member_count) for lounge in mine] == [(private.lounge.id, 2)]


def test_a_list_of_lounges_costs_one_query_however_long_it_is() -> None:
    owner = make_user()
    for number in range(3):
        lounges.create_lounge(actor_of(owner), LoungeDraft(name=f"Den {number}"))
    with statements() as heard:
        assert len(lounges.lounges(actor_of(owner), False, 10, None).items) == 3
    assert len(heard) == 1


def test_members_online_are_those_whom_sockets_say_are_there() -> None:
    den = Den(LoungeVisibility.PUBLIC)
    room_id = rooms.find_room(den.lounge.room).id
    guest = new_id()
    presence.record("one", [Change(room_id, arrived=[den.member.id.bytes, guest.bytes])])
    presence.record("two", [Change(room_id, arrived=[den.member.id.bytes, den.owner.id.bytes])])
    seen = lounges.lounge(actor_of(den.stranger), den.id)
    assert {person.id for person in seen.members_online} == {den.member.id, den.owner.id}
    assert seen.online_count == 3
    assert lounges.lounges(actor_of(den.stranger), False, 10, None).items[0].online_count == 3


def test_taking_an_invitation_back_closes_the_door_for_all_who_hold_the_room() -> None:
    den = Den()
    room = rooms.find_room(den.lounge.room, actor_of(den.member))
    with pytest.raises(Forbidden):
        lounge_members.remove(actor_of(den.member), den.id, make_invited(den))
    with pytest.raises(Conflict):
        lounge_members.remove(actor_of(den.owner), den.id, den.owner.id)
    lounge_members.remove(actor_of(den.owner), den.id, den.member.id)
    assert rooms.outsiders({(room.id, den.member.id), (room.id, den.owner.id), (room.id, None)}) == {
        (room.id, den.member.id),
        (room.id, None),
    }
    with pytest.raises(NotFound):
        chat.send_message(Draft(room=room, actor=actor_of(den.member), text="still here"))
    with pytest.raises(NotFound):
        lounge_members.remove(actor_of(den.owner), den.id, den.member.id)


def make_invited(den: Den) -> UUID:
    other = make_user()
    lounge_members.invite(actor_of(den.owner), den.id, Invitation(username=other.username.upper()))
    return UUID(str(other.id))


def test_one_may_leave_by_oneself() -> None:
    den = Den()
    assert lounge_members.remove(actor_of(den.member), den.id, den.member.id).user.id == den.member.id
    with pytest.raises(NotFound):
        lounges.lounge(actor_of(den.member), den.id)


def test_a_ban_puts_one_out_of_a_private_lounge_and_only_lifting_it_lets_one_back() -> None:
    den = Den()
    scope = scope_of(actor_of(den.owner), den.lounge.room)
    ban = moderation.ban(actor_of(den.owner), scope, BanDraft(user_id=den.member.id))
    with pytest.raises(NotFound):
        lounges.lounge(actor_of(den.member), den.id)
    with pytest.raises(Conflict):
        lounge_members.invite(actor_of(den.owner), den.id, Invitation(user_id=den.member.id))
    moderation.lift(actor_of(den.owner), str(ban.id))
    lounge_members.invite(actor_of(den.owner), den.id, Invitation(user_id=den.member.id))
    assert den.say("member").seq == 1


def test_a_lounge_that_turns_private_keeps_only_its_members() -> None:
    den = Den(LoungeVisibility.PUBLIC)
    room = rooms.find_room(den.lounge.room)
    assert den.say("stranger").seq == 1
    lounges.change_lounge(actor_of(den.owner), den.id, LoungePatch(visibility=PRIVATE, name="Deep den"))
    assert rooms.outsiders({(room.id, den.stranger.id), (room.id, den.member.id)}) == {(room.id, den.stranger.id)}
    assert lounges.lounge(actor_of(den.member), den.id).name == "Deep den"


def test_a_closed_lounge_is_read_but_not_entered() -> None:
    den = Den()
    room = rooms.find_room(den.lounge.room, actor_of(den.member))
    den.say("member", "last words")
    closed = lounges.archive_lounge(actor_of(den.owner), den.id)
    assert closed.archived_at is not None
    assert [m.text for m in lounges.lounge_messages(actor_of(den.member), den.id, 10, None).items] == ["last words"]
    assert lounges.lounges(actor_of(den.owner), True, 10, None).items == []
    with pytest.raises(NotFound):
        rooms.find_room(den.lounge.room, actor_of(den.owner))
    with pytest.raises(NotFound):
        chat.send_message(Draft(room=room, actor=actor_of(den.owner), text="x"))
    for attempt in (
        lambda: lounges.archive_lounge(actor_of(den.owner), den.id),
        lambda: lounges.change_lounge(actor_of(den.owner), den.id, LoungePatch(name="x")),
        lambda: lounge_members.invite(actor_of(den.owner), den.id, Invitation(user_id=den.stranger.id)),
    ):
        with pytest.raises(ServiceError):
            attempt()
    staff = make_user(role=Role.MODERATOR)
    log = moderation_history.log_entries(actor_of(staff), LogFilter(action=Action.ARCHIVE_LOUNGE), 10, None).items
    assert [(entry.target_id, entry.room_kind) for entry in log] == [(den.lounge.id, "LOUNGE")]


def test_only_the_owner_changes_a_lounge_and_its_moderators_keep_order() -> None:
    den = Den()
    for who in (den.member, make_user(role=Role.MODERATOR)):
        with pytest.raises(Forbidden):
            lounges.change_lounge(actor_of(who), den.id, LoungePatch(name="Mine"))
        with pytest.raises(Forbidden):
            lounges.archive_lounge(actor_of(who), den.id)
    with pytest.raises(Forbidden):
        lounge_members.invite(actor_of(den.member), den.id, Invitation(user_id=den.stranger.id))
    room_moderators.appoint(actor_of(den.owner), den.lounge.room, den.member.id)
    lounge_members.invite(actor_of(den.member), den.id, Invitation(user_id=den.stranger.id))
    scope = scope_of(actor_of(den.member), den.lounge.room)
    moderation.ban(actor_of(den.member), scope, BanDraft(user_id=den.stranger.id, seconds=60))
    with pytest.raises(Forbidden):
        moderation.ban(actor_of(den.member), scope, BanDraft(user_id=den.owner.id))
    assert lounges.archive_lounge(actor_of(make_user(role=Role.ADMIN)), den.id).archived_at is not None


def test_an_invitation_names_one_person_who_exists() -> None:
    den = Den()
    for invitation in (Invitation(), Invitation(user_id=den.stranger.id, username="x_y")):
        with pytest.raises(Invalid):
            lounge_members.invite(actor_of(den.owner), den.id, invitation)
    with pytest.raises(NotFound):
        lounge_members.invite(actor_of(den.owner), den.id, Invitation(username="nobody_here"))
    again = lounge_members.invite(actor_of(den.owner), den.id, Invitation(user_id=den.member.id))
    assert again.invited_by is not None and again.invited_by.id == den.owner.id
    assert len(lounge_members.members(actor_of(den.member), den.id, 10, None).items) == 2


def test_nobody_opens_lounges_without_end() -> None:
    owner = make_user()
    for _ in range(20):
        lounges.create_lounge(actor_of(owner), LoungeDraft(name="Den"))
    with pytest.raises(RateLimited):
        lounges.create_lounge(actor_of(owner), LoungeDraft(name="Den"))
