"""The history of a room in which somebody spoke whom its reader blocks."""

import pytest

from services import blocks, chat, messages, rooms
from services.actors import Actor
from services.chat import Draft
from services.hidden_people import as_read_by, hidden_from
from services.rooms import RoomRef
from tests.factories import actor_of, make_channel, make_stream, make_user

pytestmark = pytest.mark.usefixtures("db")


def said(room: RoomRef, actor: Actor, text: str) -> None:
    chat.send_message(Draft(room=room, actor=actor, text=text))


def read(room: RoomRef, reader: Actor | None) -> list[tuple[int, str, object]]:
    page = as_read_by(reader, messages.history(room, 20, None))
    return [(message.seq, message.text, message.is_hidden) for message in page.items]


def test_their_words_are_kept_from_the_one_who_blocks_and_from_nobody_else() -> None:
    ana, ben = actor_of(make_user()), actor_of(make_user())
    room = rooms.find_room(f"stream:{make_stream(make_channel()).id}")
    said(room, ben, "hello")
    said(room, ana, "hi")
    plain = read(room, None)
    assert read(room, ana) == read(room, ben) == plain
    blocks.block(ana, ben.user_id)
    (last, first) = read(room, ana)
    assert last == plain[0]
    assert first == (1, "", True)
    assert read(room, ben) == read(room, None) == plain
    blocks.unblock(ana, ben.user_id)
    assert read(room, ana) == plain


def test_only_those_who_block_somebody_are_named() -> None:
    ana, ben, eve = (actor_of(make_user()) for _ in range(3))
    blocks.block(ana, ben.user_id)
    blocks.block(ana, eve.user_id)
    people = [ana.user_id, ben.user_id, eve.user_id]
    assert hidden_from(people) == {ana.user_id: {ben.user_id, eve.user_id}}
    assert hidden_from([]) == {}
