"""Sending in batches: what is stored, in which order, and who is refused with what."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import peewee
import pytest
import redis

from db.connection import acting_as, query
from db.models.bans import Ban
from db.models.users import User
from services import chat, clock, messages, rooms
from services.actors import Role
from services.chat import Draft, Outcome, Sent
from services.chat_bursts import BURST, RememberedBursts
from services.errors import Forbidden, RateLimited, ServiceError
from services.ids import new_id
from services.rooms import ChatSettingsPatch, RoomRef
from services.standing import FreshStandings, Pair, RememberedStandings, Standing
from services.topics import room_topic
from settings import Settings
from tests.factories import actor_of, make_channel, make_stream, make_user
from tests.hearing import said


class ChangingStandings:
    """The database, with something that happens while it is asked."""

    def __init__(self) -> None:
        self.asked: list[set[Pair]] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def of(self, pairs: Sequence[Pair]) -> Sequence[Standing | None]:
        self.asked.append(set(pairs))
        found = FreshStandings().of(pairs)
        self.meanwhile()
        return found


def make_room(owner: User | None = None) -> RoomRef:
    stream = make_stream(make_channel(owner))
    return rooms.find_room(f"stream:{stream.id}")


def draft(room: RoomRef, user: User, text: str = "hello", **rest: Any) -> Draft:
    return Draft(room=room, actor=actor_of(user), text=text, **rest)


def summary(outcome: Outcome) -> str | int:
    return outcome.message.seq if isinstance(outcome, Sent) else outcome.code


def test_a_batch_is_numbered_room_by_room_without_gaps() -> None:
    one, other, ana, ben = make_room(), make_room(), make_user(), make_user()
    drafts = [draft(one, ana), draft(other, ana), draft(one, ben), draft(one, ana, ""), draft(one, ben)]
    outcomes = chat.send_messages(drafts)
    assert [summary(outcome) for outcome in outcomes] == [1, 1, 2, "message_empty", 3]
    assert [summary(outcome) for outcome in chat.send_messages([draft(other, ben)])] == [2]
    assert messages.last_seqs([one.id, other.id]) == {one.id: 3, other.id: 2}


def test_what_is_stored_is_what_the_history_says() -> None:
    room, ana = make_room(), make_user()
    first = chat.send_message(draft(room, ana, " one\ntwo "))
    answer = chat.send_message(draft(room, ana, "three", reply_to=first.id))
    assert first.text == "one two"
    assert messages.history(room, 10, None).items == [answer, first]
    assert messages.opening(room).messages == [first, answer]
    assert messages.missed(room, after=1) == [answer]


def test_a_repeated_client_message_id_is_answered_with_the_first_message() -> None:
    room, ana, ben = make_room(), make_user(), make_user()
    first, same, others = chat.send_messages(
        [
            draft(room, ana, "first", client_message_id="c1"),
            draft(room, ana, "second", client_message_id="c1"),
            draft(room, ben, "third", client_message_id="c1"),
        ]
    )
    (again,) = chat.send_messages([draft(room, ana, "fourth", client_message_id="c1")])
    assert isinstance(first, Sent) and isinstance(same, Sent) and isinstance(again, Sent)
    assert first.message == same.message == again.message
    assert (first.is_new, same.is_new, again.is_new) == (True, False, False)
    assert summary(others) == 2


def test_a_repeat_is_answered_even_where_a_new_message_would_be_refused() -> None:
    room, ana = make_room(), make_user()
    first = chat.send_message(draft(room, ana, client_message_id="c1"))
    Ban.create(room=room.id, user=ana)
    assert chat.send_message(draft(room, ana, client_message_id="c1")) == first
    with pytest.raises(Forbidden):
        chat.send_message(draft(room, ana, client_message_id="c2"))


def test_a_ban_holds_in_its_room_or_everywhere_until_it_ends() -> None:
    room, other, ana = make_room(), make_room(), make_user()
    until = clock.now() + timedelta(hours=1)
    ban = Ban.create(room=room.id, user=ana, until=until)
    refused, elsewhere = chat.send_messages([draft(room, ana), draft(other, ana)])
    assert isinstance(refused, Forbidden)
    assert (refused.code, refused.until) == ("banned", until)
    assert summary(elsewhere) == 1
    Ban.update(until=clock.now() - timedelta(seconds=1)).where(Ban.id == ban.id).execute()
    assert summary(chat.send_messages([draft(room, ana)])[0]) == 1
    Ban.create(user=ana)
    assert [summary(o) for o in chat.send_messages([draft(room, ana), draft(other, ana)])] == ["banned", "banned"]


def test_slow_mode_counts_across_batches_and_inside_one_and_spares_the_streamer() -> None:
    streamer, ana = make_user(role=Role.STREAMER), make_user()
    room = make_room(streamer)
    rooms.change_settings(actor_of(streamer), room.id, ChatSettingsPatch(slow_mode_seconds=30))
    drafts = [draft(room, ana), draft(room, ana), draft(room, streamer), draft(room, streamer)]
    assert [summary(outcome) for outcome in chat.send_messages(drafts)] == [1, "slow_mode", 2, 3]
    (refused,) = chat.send_messages([draft(room, ana)])
    assert isinstance(refused, RateLimited)
    assert 28 < refused.retry_after_s <= 30


def test_nobody_sends_more_than_a_burst() -> None:
    room, ana, ben = make_room(), make_user(), make_user()
    outcomes = chat.send_messages([draft(room, ana) for _ in range(BURST + 1)])
    assert [summary(outcome) for outcome in outcomes] == [*range(1, BURST + 1), "rate_limited"]
    assert isinstance(outcomes[-1], RateLimited)
    assert 9 < outcomes[-1].retry_after_s <= 10
    assert summary(chat.send_messages([draft(room, ben)])[0]) == BURST + 1


def test_new_messages_are_published_once_with_their_number(redis_client: "redis.Redis") -> None:
    room, ana = make_room(), make_user()
    listener = redis_client.pubsub()
    listener.subscribe(room_topic(room.id))
    chat.send_messages([draft(room, ana, client_message_id="c"), draft(room, ana, client_message_id="c")])
    [heard] = said(listener)
    listener.close()
    assert heard.line == b"1"
    assert heard.body.startswith(b'{"type":"new_message","id":"')
    assert b'"room"' not in heard.body


def test_an_unknown_room_or_reply_refuses_one_message_and_not_the_batch() -> None:
    room, ana = make_room(), make_user()
    nowhere = RoomRef(new_id(), "stream:x")
    elsewhere = chat.send_message(draft(make_room(), ana))
    drafts = [draft(nowhere, ana), draft(room, ana, reply_to=elsewhere.id), draft(room, ana)]
    assert [summary(outcome) for outcome in chat.send_messages(drafts)] == ["room_not_found", "reply_not_found", 1]


def test_texts_and_ids_are_stored_as_they_are_whatever_is_in_them() -> None:
    room, ana = make_room(), make_user()
    texts = ['a "quoted" \\ word', "{braces, commas}", "NULL", "it's %s", "\\", "\U0001f600 ,"]
    sent = chat.send_messages([draft(room, ana, text, client_message_id=text) for text in texts])
    assert [message.text for message in messages.missed(room, after=0)] == texts
    assert [
        again.message
        for again in chat.send_messages([draft(room, ana, "x", client_message_id=text) for text in texts])
        if isinstance(again, Sent)
    ] == [first.message for first in sent if isinstance(first, Sent)]


def test_a_batch_in_which_something_is_repeated_is_numbered_without_gaps() -> None:
    room, ana, ben = make_room(), make_user(), make_user()
    chat.send_messages([draft(room, ana, client_message_id="a")])
    drafts = [draft(room, ben), draft(room, ana, client_message_id="a"), draft(room, ben, client_message_id="b")]
    assert [summary(outcome) for outcome in chat.send_messages(drafts)] == [2, 1, 3]
    assert [message.seq for message in messages.missed(room, after=0)] == [1, 2, 3]


def test_replies_to_what_is_there_are_stored_with_the_batch() -> None:
    room, ana = make_room(), make_user()
    first = chat.send_message(draft(room, ana))
    answer, other = chat.send_messages([draft(room, ana, reply_to=first.id), draft(room, ana)])
    assert isinstance(answer, Sent) and answer.message.reply_to == first.id
    assert [message.reply_to for message in messages.missed(room, after=1)] == [first.id, None]
    assert summary(other) == 3


def test_nobody_writes_in_the_name_of_another(db: None) -> None:
    room, ana, ben = make_room(), make_user(), make_user()
    with acting_as(str(ben.id), "viewer"), pytest.raises(peewee.ProgrammingError, match="in one's own name"):
        chat.send_messages([draft(room, ana)])


def test_a_burst_is_counted_in_memory_and_learnt_from_what_was_said_elsewhere() -> None:
    room, ana, ben = make_room(), make_user(), make_user()
    memory = chat.remembering(RememberedStandings(FreshStandings()))
    assert [summary(o) for o in chat.send_messages([draft(room, ana)] * (BURST + 1), memory)][-1] == "rate_limited"
    (refused,) = chat.send_messages([draft(room, ana)], chat.remembering(RememberedStandings(FreshStandings())))
    assert isinstance(refused, Sent)  # another process lets one pass, and knows better from then on
    elsewhere = chat.remembering(RememberedStandings(FreshStandings()))
    sent = [summary(chat.send_messages([draft(room, ana)], elsewhere)[0]) for _ in range(2)]
    assert sent[1] == "rate_limited"
    assert isinstance(chat.send_messages([draft(room, ben)], elsewhere)[0], Sent)


def test_what_could_not_be_stored_is_not_counted_as_said() -> None:
    ana = new_id()
    bursts = RememberedBursts()
    for _ in range(3):
        assert bursts.take([ana] * BURST) == [0] * BURST
        assert bursts.take([ana])[0] > 9
        bursts.give_back([ana] * BURST)


def test_what_changes_while_a_standing_is_read_is_not_remembered_as_it_was() -> None:
    room, other, ana = make_room(), make_room(), make_user()
    changing = ChangingStandings()
    remembered = RememberedStandings(changing)
    changing.meanwhile = lambda: remembered.forget(room_id=room.id, user_id=ana.id)
    remembered.of([(room.id, ana.id), (other.id, ana.id)])
    changing.meanwhile = lambda: None
    remembered.of([(room.id, ana.id), (other.id, ana.id)])
    assert changing.asked == [{(room.id, ana.id), (other.id, ana.id)}, {(room.id, ana.id)}]


def test_no_more_people_are_remembered_than_there_is_room_for() -> None:
    room, people = make_room(), [make_user() for _ in range(3)]
    asked = ChangingStandings()
    remembered = RememberedStandings(asked, people=2)
    for person in people:
        remembered.of([(room.id, person.id)])
    remembered.of([(room.id, person.id) for person in people])
    assert asked.asked[-1] == {(room.id, people[0].id)}


def test_forgetting_a_room_or_everything_leaves_nothing_of_it() -> None:
    one, other, ana = make_room(), make_room(), make_user()
    asked = ChangingStandings()
    remembered = RememberedStandings(asked)
    both = [(one.id, ana.id), (other.id, ana.id)]
    remembered.of(both)
    remembered.forget(room_id=one.id)
    remembered.of(both)
    remembered.forget()
    remembered.of(both)
    assert [len(pairs) for pairs in asked.asked] == [2, 1, 2]


def test_a_time_out_is_not_remembered_longer_than_it_lasts() -> None:
    room, ana, ben, at = make_room(), make_user(), make_user(), clock.now()
    asked = ChangingStandings()
    remembered = RememberedStandings(asked, seconds=60)
    Ban.create(room=room.id, user=ana, until=at + timedelta(hours=1))
    Ban.create(room=room.id, user=ben, until=at + timedelta(hours=2))
    pairs = [(room.id, ana.id), (room.id, ben.id)]
    with clock.frozen(at + timedelta(hours=1)):
        for _ in range(2):
            assert [found and found.is_banned for found in remembered.of(pairs)] == [True, True]
    assert asked.asked == [set(pairs), {(room.id, ana.id)}]


def test_standings_are_remembered_until_told_to_forget() -> None:
    room, ana = make_room(), make_user()
    remembered = RememberedStandings(FreshStandings())
    nowhere, pair = (new_id(), ana.id), (room.id, ana.id)

    def banned() -> list[bool | None]:
        return [None if found is None else found.is_banned for found in remembered.of([nowhere, pair])]

    assert banned() == [None, False]
    Ban.create(room=room.id, user=ana)
    assert banned() == [None, False]
    remembered.forget(user_id=ana.id)
    assert banned() == [None, True]


def test_a_joiner_is_told_when_not_everything_could_be_recovered() -> None:
    room, ana = make_room(), make_user()
    columns = ([new_id() for _ in range(501)], [room.id] * 501, [ana.id] * 501, ["x"] * 501, [None] * 501)
    _post(*columns)
    opening = messages.opening(room, since=0)
    assert (len(opening.messages), opening.truncated, opening.recovered) == (500, True, False)
    assert opening.messages[-1].seq == opening.last_seq == 501
    complete = messages.opening(room, since=1)
    assert (len(complete.messages), complete.truncated, complete.recovered) == (500, False, True)


def test_a_room_is_found_by_stream_channel_and_nickname() -> None:
    streamer = make_user(role=Role.STREAMER)
    channel = make_channel(streamer)
    assert rooms.room_of_streamer(streamer.username) == RoomRef(channel.room_id, f"channel:{channel.id}")
    stream = make_stream(channel)
    found = RoomRef(channel.room_id, f"stream:{stream.id}")
    assert rooms.room_of_streamer(streamer.username.upper()) == rooms.find_room(f"stream:{stream.id}") == found
    assert rooms.find_room(f"channel:{channel.id}").id == channel.room_id
    for name in ("stream:x", f"stream:{channel.id}", "nonsense", "", "planet:1"):
        with pytest.raises(ServiceError):
            rooms.find_room(name)


def test_messages_come_into_being_by_the_function_alone(db: None) -> None:
    room = make_room()
    with pytest.raises(peewee.ProgrammingError, match="permission denied for table messages"):
        query("INSERT INTO messages (id, room_id, seq, text) VALUES (%s, %s, 7, 'x')", (new_id(), room.id))


def test_batches_of_many_threads_are_gapless_and_never_deadlock(committed_db: Settings) -> None:
    one, other, people = make_room(), make_room(), [make_user() for _ in range(4)]

    def send(number: int) -> list[Outcome]:
        both = [draft(one, people[number]), draft(other, people[number])]
        return [outcome for _ in range(5) for outcome in chat.send_messages(both if number % 2 else both[::-1])]

    with ThreadPoolExecutor(4) as pool:
        outcomes = [outcome for batch in pool.map(send, range(4)) for outcome in batch]
    for room in (one, other):
        numbers = [o.message.seq for o in outcomes if isinstance(o, Sent) and o.room_id == room.id]
        assert sorted(numbers) == list(range(1, 21))


def _post(ids: list[UUID], *columns: list[Any]) -> None:
    query(
        """SELECT * FROM post_messages(%s::uuid[], %s::uuid[], %s::uuid[], %s::text[],
                                       %s::uuid[], %s::text[], %s::integer[])""",
        (ids, *columns, [None] * len(ids), [0] * len(ids)),
    )
