"""Reading a room: where somebody who comes back has been, and what cannot be given any more."""

from collections.abc import Sequence
from typing import Any

import pytest

from db.connection import acting_as_system, query
from services import chat, messages, rooms
from services.actors import Role
from services.chat import Draft
from services.errors import NotFound
from services.messages import Message, Opening
from services.rooms import RoomRef
from tests.factories import actor_of, make_channel, make_stream, make_user


def make_room() -> RoomRef:
    return rooms.find_room(f"stream:{make_stream(make_channel()).id}")


def say(room: RoomRef, count: int) -> list[Message]:
    author = actor_of(make_user())
    return [chat.send_message(Draft(room=room, actor=author, text=f"words {number}")) for number in range(count)]


def seqs(opening: Opening) -> list[int]:
    return [message.seq for message in opening.messages]


@acting_as_system("as retention does")
def forget(gone: Sequence[Message]) -> None:
    query("DELETE FROM messages WHERE id = ANY (%s::uuid[])", ([message.id for message in gone],))


def test_since_takes_the_id_or_the_seq_of_the_last_message_seen() -> None:
    room = make_room()
    said = say(room, 4)
    for since in (2, "2", str(said[1].id), str(said[1].id).upper(), said[1].id.hex):
        opening = messages.opening(room, since)
        assert (seqs(opening), opening.recovered, opening.truncated) == ([3, 4], True, False), since


def test_whoever_has_seen_everything_misses_nothing() -> None:
    room = make_room()
    empty = messages.opening(room, 0)
    assert (seqs(empty), empty.last_seq, empty.recovered, empty.truncated) == ([], 0, True, False)
    say(room, 2)
    opening = messages.opening(room, 2)
    assert (seqs(opening), opening.last_seq, opening.recovered, opening.truncated) == ([], 2, True, False)


@pytest.mark.parametrize("since", [3, 10**30, -1, "", "x", "²", "00000000-0000-7000-8000-000000000000"])
def test_who_names_what_the_room_never_had_is_not_told_that_nothing_is_missing(since: Any) -> None:
    room = make_room()
    say(room, 2)
    opening = messages.opening(room, since)
    assert (seqs(opening), opening.recovered, opening.truncated) == ([1, 2], False, True)


def test_a_message_of_another_room_says_nothing_about_this_one() -> None:
    room, other = make_room(), make_room()
    elsewhere = say(other, 1)[0]
    say(room, 1)
    opening = messages.opening(room, str(elsewhere.id))
    assert (seqs(opening), opening.truncated) == ([1], True)


def test_messages_that_are_kept_no_longer_are_not_recovered() -> None:
    room = make_room()
    said = say(room, 5)
    forget(said[1:3])
    missed = messages.opening(room, 1)
    assert (seqs(missed), missed.recovered, missed.truncated) == ([4, 5], False, True)
    assert messages.opening(room, 3).recovered
    forget(said[3:])
    nothing = messages.opening(room, 3)
    assert (seqs(nothing), nothing.last_seq, nothing.truncated) == ([], 5, True)


def test_what_was_deleted_cannot_be_pinned() -> None:
    room, moderator = make_room(), make_user(role=Role.MODERATOR)
    said = say(room, 1)[0]
    messages.toggle_pin(actor_of(moderator), str(said.id))
    messages.delete_message(actor_of(moderator), str(said.id))
    assert messages.opening(room).pinned == []
    with pytest.raises(NotFound):
        messages.toggle_pin(actor_of(moderator), str(said.id))
