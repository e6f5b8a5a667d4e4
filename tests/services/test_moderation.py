"""Who may keep whom quiet, what that does, and that the log of it never changes."""

from datetime import timedelta

import peewee
import pytest

from db.connection import query
from db.models.room_moderators import RoomModerator
from db.models.users import User
from services import (
    chat,
    clock,
    message_removal,
    messages,
    moderation,
    moderation_history,
    notifications,
    room_moderators,
    rooms,
    standing,
    user_administration,
)
from services.actors import Role
from services.chat import Draft
from services.errors import Conflict, Forbidden, Invalid, NotFound, ServiceError
from services.ids import new_id
from services.moderation import BanDraft, BanView
from services.moderation_history import LogFilter
from services.moderation_log import Action
from services.moderation_scope import EVERYWHERE, scope_of
from services.rooms import ChatSettingsPatch, RoomRef
from services.user_administration import UserPatch
from settings import Settings
from tests.factories import actor_of, make_channel, make_stream, make_user


class Chat:
    """A chat with its streamer, one moderator of theirs, two of the platform's staff, and a viewer."""

    def __init__(self) -> None:
        self.streamer, self.viewer = make_user(role=Role.STREAMER), make_user()
        self.moderator, self.staff, self.admin = make_user(), make_user(role=Role.MODERATOR), make_user(role=Role.ADMIN)
        self.room: RoomRef = rooms.find_room(f"stream:{make_stream(make_channel(self.streamer)).id}")
        room_moderators.appoint(actor_of(self.streamer), None, self.moderator.id)

    def say(self, user: User, text: str = "hello") -> messages.Message:
        return chat.send_message(Draft(room=self.room, actor=actor_of(user), text=text))

    def ban(self, by: User, user: User, **options: object) -> BanView:
        scope = scope_of(actor_of(by), self.room.alias)
        return moderation.ban(actor_of(by), scope, BanDraft(user_id=user.id, **options))  # type: ignore[arg-type]


def actions(chat: Chat) -> list[Action]:
    found = moderation_history.log_entries(actor_of(chat.streamer), LogFilter(), 100, None)
    return [entry.action for entry in found.items]


def titles(user: User) -> list[str]:
    return [told.title for told in notifications.notifications_of(actor_of(user), 10, None).items]


def test_a_ban_keeps_somebody_quiet_until_it_is_lifted_and_is_logged_and_told() -> None:
    made = Chat()
    ban = made.ban(made.moderator, made.viewer, reason="rude\x00 words")
    assert (ban.user.id, ban.room, ban.until, ban.reason) == (made.viewer.id, made.room.alias, None, "rude words")
    with pytest.raises(Forbidden, match="not write"):
        made.say(made.viewer)
    assert [b.id for b in moderation.bans_in_force(actor_of(made.streamer), None, 10, None).items] == [ban.id]
    assert moderation.lift(actor_of(made.streamer), str(ban.id)).lifted_at is not None
    assert moderation.lift(actor_of(made.streamer), str(ban.id)).lifted_at is not None
    assert made.say(made.viewer).seq == 1
    assert moderation.bans_in_force(actor_of(made.streamer), None, 10, None).items == []
    assert actions(made) == [Action.UNBAN, Action.BAN, Action.ADD_MODERATOR]
    assert titles(made.viewer) == ["You may write in a chat again", "You may not write in a chat"]


def test_a_time_out_ends_by_itself_and_a_second_ban_replaces_the_first() -> None:
    made = Chat()
    first = made.ban(made.streamer, made.viewer, seconds=60)
    assert first.until is not None
    assert timedelta(seconds=58) < first.until - clock.now() <= timedelta(seconds=60)
    again = made.ban(made.streamer, made.viewer)
    assert (again.id, again.until) == (first.id, None)
    made.ban(made.streamer, made.viewer, until=clock.now() + timedelta(minutes=1))
    query("UPDATE bans SET until = now() - interval '1 second'")
    assert made.say(made.viewer).seq == 1
    assert moderation.bans_in_force(actor_of(made.streamer), None, 10, None).items == []
    assert actions(made)[:3] == [Action.TIMEOUT, Action.BAN, Action.TIMEOUT]


@pytest.mark.parametrize(
    ("by", "whom", "code"),
    [
        ("viewer", "moderator", "forbidden"),
        ("moderator", "streamer", "outranked"),
        ("moderator", "moderator", "self_moderation"),
        ("moderator", "staff", "outranked"),
        ("streamer", "staff", "outranked"),
        ("staff", "streamer", "outranked"),
        ("staff", "admin", "outranked"),
        ("admin", "streamer", "outranked"),
        ("moderator", "viewer", None),
        ("streamer", "moderator", None),
        ("staff", "moderator", None),
        ("admin", "staff", None),
    ],
)
def test_nobody_bans_the_owner_or_somebody_who_stands_as_high(by: str, whom: str, code: str | None) -> None:
    made = Chat()
    refused = None
    try:
        made.ban(getattr(made, by), getattr(made, whom))
    except ServiceError as error:
        refused = error.code
    assert refused == code


def test_only_staff_ban_everywhere_and_that_holds_in_ones_own_chat_too() -> None:
    made = Chat()
    assert scope_of(actor_of(made.staff), None) == EVERYWHERE
    assert scope_of(actor_of(made.streamer), None).room_id == made.room.id
    with pytest.raises(Forbidden):
        scope_of(actor_of(made.moderator), None)
    ban = moderation.ban(actor_of(made.staff), EVERYWHERE, BanDraft(user_id=made.streamer.id))
    assert ban.room is None
    with pytest.raises(Forbidden):
        made.say(made.streamer)
    with pytest.raises(Forbidden):
        made.ban(made.streamer, made.viewer)
    with pytest.raises(NotFound):
        moderation.lift(actor_of(made.streamer), str(ban.id))
    moderation.lift(actor_of(made.admin), str(ban.id))
    assert made.say(made.streamer).seq == 1


def test_staff_who_are_banned_themselves_cannot_act_nor_let_themselves_off() -> None:
    made = Chat()
    ban = moderation.ban(actor_of(made.admin), EVERYWHERE, BanDraft(user_id=made.staff.id))
    with pytest.raises(NotFound):
        moderation.lift(actor_of(made.staff), str(ban.id))
    for room in (None, made.room.alias):
        with pytest.raises(Forbidden):
            scope_of(actor_of(made.staff), room)


def test_bans_of_another_room_are_not_known_to_its_neighbours() -> None:
    made, other = Chat(), Chat()
    ban = made.ban(made.streamer, made.viewer)
    with pytest.raises(NotFound):
        moderation.lift(actor_of(other.streamer), str(ban.id))
    with pytest.raises(Forbidden):
        moderation.bans_in_force(actor_of(other.streamer), made.room.alias, 10, None)
    with pytest.raises(Forbidden):
        moderation_history.log_entries(actor_of(made.viewer), LogFilter(), 10, None)


def test_whoever_is_banned_moderates_no_longer() -> None:
    made = Chat()
    made.ban(made.streamer, made.moderator)
    assert not RoomModerator.select().where(RoomModerator.user == made.moderator.id).exists()
    with pytest.raises(Conflict):
        room_moderators.appoint(actor_of(made.streamer), None, made.moderator.id)


@pytest.mark.parametrize(
    "options",
    [
        {"seconds": 5, "until": clock.now() + timedelta(hours=1)},
        {"until": clock.now() - timedelta(hours=1)},
        {"until": (clock.now() + timedelta(hours=1)).replace(tzinfo=None)},
        {"until": clock.now() + timedelta(days=36500)},
    ],
)
def test_a_ban_needs_one_end_that_lies_ahead(options: dict[str, object]) -> None:
    made = Chat()
    with pytest.raises(Invalid):
        made.ban(made.streamer, made.viewer, **options)


def test_all_that_a_person_said_goes_at_once_and_only_there() -> None:
    made, other = Chat(), Chat()
    for number in range(3):
        made.say(made.viewer, f"words {number}")
    kept = made.say(made.moderator)
    elsewhere = other.say(made.viewer)
    made.ban(made.moderator, made.viewer, delete_messages=True, reason="spam")
    shown = messages.history(made.room, 10, None).items
    assert [(message.text, message.is_deleted) for message in shown] == [("hello", False)] + [("", True)] * 3
    assert shown[0] == kept
    assert messages.history(other.room, 10, None).items == [elsewhere]
    removed = message_removal.remove_messages(actor_of(made.staff), EVERYWHERE, made.viewer.id)
    assert removed.deleted == 1
    with pytest.raises(Forbidden):
        scope = scope_of(actor_of(made.moderator), made.room.alias)
        message_removal.remove_messages(actor_of(made.moderator), scope, made.streamer.id)
    assert actions(made)[:2] == [Action.DELETE_MESSAGES, Action.BAN]


def test_every_act_of_a_moderator_is_written_down() -> None:
    made = Chat()
    message = made.say(made.viewer)
    messages.toggle_pin(actor_of(made.moderator), str(message.id))
    messages.toggle_pin(actor_of(made.moderator), str(message.id))
    messages.delete_message(actor_of(made.moderator), str(message.id))
    own = made.say(made.viewer)
    messages.delete_message(actor_of(made.viewer), str(own.id))
    rooms.change_settings(actor_of(made.streamer), made.room.id, ChatSettingsPatch(blocked_words=["a", "b"]))
    room_moderators.dismiss(actor_of(made.streamer), None, made.moderator.id)
    entries = moderation_history.log_entries(actor_of(made.streamer), LogFilter(), 100, None).items
    assert [entry.action for entry in entries] == [
        Action.REMOVE_MODERATOR,
        Action.CHANGE_SETTINGS,
        Action.DELETE_MESSAGE,
        Action.UNPIN,
        Action.PIN,
        Action.ADD_MODERATOR,
    ]
    assert entries[1].details == {"blockedWords": 2}
    deleted = entries[2]
    assert deleted.actor is not None and deleted.user is not None
    assert (deleted.actor.id, deleted.user.id, deleted.target_id) == (made.moderator.id, made.viewer.id, message.id)
    about = LogFilter(user_id=made.viewer.id, action=Action.PIN)
    assert len(moderation_history.log_entries(actor_of(made.streamer), about, 100, None).items) == 1


def test_the_log_has_pages_and_shows_suspensions_to_the_staff_alone() -> None:
    made = Chat()
    patch = UserPatch(suspended=True, reason="fraud")
    user_administration.change_user(actor_of(made.admin), made.viewer.id, patch)
    everything = LogFilter()
    first = moderation_history.log_entries(actor_of(made.staff), everything, 1, None)
    assert [(entry.action, entry.reason) for entry in first.items] == [(Action.SUSPEND, "fraud")]
    rest = moderation_history.log_entries(actor_of(made.staff), everything, 1, first.next_cursor)
    assert [entry.action for entry in rest.items] == [Action.ADD_MODERATOR]
    assert Action.SUSPEND not in actions(made)


@pytest.mark.parametrize("statement", ["UPDATE moderation_log SET reason = 'x'", "DELETE FROM moderation_log"])
def test_the_log_refuses_to_be_changed_by_the_application(statement: str) -> None:
    Chat()
    with pytest.raises(peewee.ProgrammingError, match="permission denied for table moderation_log"):
        query(statement)


def test_the_log_refuses_even_the_owner_of_the_database(committed_db: Settings) -> None:
    Chat()
    query("SET ROLE NONE")
    for statement in (
        "UPDATE moderation_log SET reason = 'x'",
        "DELETE FROM moderation_log",
        "TRUNCATE moderation_log",
    ):
        with pytest.raises(peewee.ProgrammingError, match="append-only"):
            query(statement)
    assert query("SELECT count(*) FROM moderation_log") == [(1,)]


def test_only_the_owner_names_moderators_and_only_people_who_can_be_heard() -> None:
    made = Chat()
    for by in (made.moderator, made.staff):
        with pytest.raises(ServiceError):
            room_moderators.appoint(actor_of(by), made.room.alias, made.viewer.id)
    with pytest.raises(Invalid):
        room_moderators.appoint(actor_of(made.streamer), None, made.streamer.id)
    with pytest.raises(NotFound):
        room_moderators.appoint(actor_of(made.streamer), None, new_id())
    with pytest.raises(NotFound):
        room_moderators.dismiss(actor_of(made.streamer), None, made.viewer.id)
    room_moderators.appoint(actor_of(made.admin), made.room.alias, made.viewer.id)
    room_moderators.appoint(actor_of(made.streamer), None, made.viewer.id)
    named = room_moderators.moderators_of(actor_of(made.streamer), None, 10, None).items
    assert {view.user.id for view in named} == {made.moderator.id, made.viewer.id}
    assert made.say(made.viewer).author is not None
    assert titles(made.viewer) == ["You moderate a chat now"]


def test_two_bans_at_once_leave_one_in_force(db: None) -> None:
    made = Chat()
    for _ in range(2):
        made.ban(made.streamer, made.viewer)
    moderation.ban(actor_of(made.staff), EVERYWHERE, BanDraft(user_id=made.viewer.id))
    in_force = query("SELECT room_id, count(*) FROM bans WHERE lifted_at IS NULL GROUP BY room_id")
    assert sorted(in_force, key=str) == sorted([(made.room.id, 1), (None, 1)], key=str)
    with pytest.raises(peewee.IntegrityError, match="bans_one_in_force_key"):
        query("INSERT INTO bans (id, user_id) VALUES (%s, %s)", (new_id(), made.viewer.id))


def test_nobody_stands_in_a_room_that_is_not_there() -> None:
    with pytest.raises(NotFound) as refusal:
        standing.standing(actor_of(make_user()), new_id())
    assert refusal.value.code == "room_not_found"
