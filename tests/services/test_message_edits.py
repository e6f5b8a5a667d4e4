"""Giving a message other words: by whom, for how long, under which rules; and what the history shows."""

import peewee
import pytest

from db.connection import query
from services import chat, message_edits, messages, moderation, rooms
from services.actors import Role
from services.chat import Draft
from services.errors import Conflict, Forbidden, Invalid, NotFound
from services.ids import new_id
from services.messages import Message
from services.moderation import BanDraft
from services.moderation_scope import scope_of
from services.rooms import ChatSettingsPatch, RoomRef
from tests.factories import actor_of, make_channel, make_stream, make_user


class Said:
    """A message in a streamer's chat."""

    def __init__(self) -> None:
        self.streamer, self.author = make_user(role=Role.STREAMER), make_user()
        self.room: RoomRef = rooms.find_room(f"stream:{make_stream(make_channel(self.streamer)).id}")
        draft = Draft(room=self.room, actor=actor_of(self.author), text="teh words", client_message_id="c1")
        self.message: Message = chat.send_message(draft)
        self.id = str(self.message.id)

    def edit(self, text: str) -> Message:
        return message_edits.edit_message(actor_of(self.author), self.id, text)


def test_the_history_shows_the_new_words_in_the_old_place() -> None:
    said = Said()
    assert said.message.edited_at is None
    edited = said.edit(" the\nwords ")
    assert (edited.text, edited.seq, edited.id) == ("the words", 1, said.message.id)
    assert edited.edited_at is not None
    assert messages.history(said.room, 10, None).items == [edited]
    assert messages.opening(said.room).messages == [edited]


def test_a_repeated_sending_is_answered_with_what_the_message_says_now() -> None:
    said = Said()
    edited = said.edit("the words")
    again = chat.send_message(
        Draft(room=said.room, actor=actor_of(said.author), text="teh words", client_message_id="c1")
    )
    assert again == edited


def test_only_the_author_may_and_only_for_five_minutes() -> None:
    said = Said()
    for who in (said.streamer, make_user(role=Role.ADMIN), make_user()):
        with pytest.raises(Forbidden):
            message_edits.edit_message(actor_of(who), said.id, "mine now")
    query("SET ROLE NONE")
    query("UPDATE messages SET created_at = created_at - interval '5 minutes 1 second'")
    query("SET ROLE astrotv_app")
    with pytest.raises(Conflict) as refused:
        said.edit("too late")
    assert refused.value.code == "edit_too_late"


def test_an_edit_obeys_the_rules_of_the_room() -> None:
    said = Said()
    settings = ChatSettingsPatch(blocked_words=["spam"], links_allowed=False)
    rooms.change_settings(actor_of(said.streamer), said.room.id, settings)
    for text in ("now with s p a m", "see example.com"):
        with pytest.raises(Forbidden):
            said.edit(text)
    for text in ("", "x" * 501):
        with pytest.raises(Invalid):
            said.edit(text)
    scope = scope_of(actor_of(said.streamer), said.room.alias)
    moderation.ban(actor_of(said.streamer), scope, BanDraft(user_id=said.author.id))
    with pytest.raises(Forbidden):
        said.edit("I am banned")
    assert messages.history(said.room, 10, None).items == [said.message]


def test_what_is_deleted_or_unknown_is_not_edited() -> None:
    said = Said()
    messages.delete_message(actor_of(said.streamer), said.id)
    with pytest.raises(NotFound):
        said.edit("back again")
    for unknown in ("x", str(new_id())):
        with pytest.raises(NotFound):
            message_edits.edit_message(actor_of(said.author), unknown, "x")


def test_the_words_change_by_the_function_alone() -> None:
    Said()
    with pytest.raises(peewee.ProgrammingError, match="permission denied for table messages"):
        query("UPDATE messages SET text = 'forged'")
