"""Joining while messages flow: nothing lost, nothing doubled, at any moment."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from realtime.audience import Burst
from realtime.dialects import JSON, SOCKET_IO, Dialect
from realtime.room import Room
from realtime.sequence import Numbered
from services.ids import new_id


class Ear:
    """A hearer that keeps the events of its frames; it may be too slow for chat."""

    def __init__(self, dialect: Dialect = JSON) -> None:
        self.dialect = dialect
        self.bursts: list[Burst] = []

    def push(self, burst: Burst) -> None:
        self.bursts.append(burst)

    def events(self) -> list[Any]:
        data, found = b"".join(burst.data for burst in self.bursts), []
        while data:
            size, head = (data[1], 2) if data[1] < 126 else (int.from_bytes(data[2:4], "big"), 4)
            found.append(json.loads(data[head : head + size].removeprefix(b"42")))
            data = data[head + size :]
        return found

    def seqs(self) -> list[object]:
        return [event["seq"] for event in self.events() if event["type"] == "new_message"]


def message(seq: int) -> Numbered:
    return Numbered(seq, b'{"type":"new_message","seq":%d}' % seq)


class Scene:
    """A room, the database behind it, and sockets that join at any moment."""

    def __init__(self) -> None:
        self.room = Room(new_id())
        self.committed = self.published = 0
        self.arriving: list[Ear] = []
        self.histories: dict[Ear, int] = {}

    def commit(self) -> None:
        self.committed += 1

    def publish(self) -> None:
        if self.published < self.committed:
            self.published += 1
            self.room.hear([message(self.published)])

    def arrive(self) -> None:
        self.arriving.append(Ear())
        self.room.arrive(self.arriving[-1], "stream:1")

    def settle(self) -> None:
        if self.arriving:
            ear = self.arriving.pop(0)
            self.histories[ear] = self.committed
            self.room.settle(ear, self.committed)


@given(st.lists(st.sampled_from(["commit", "publish", "arrive", "settle"]), max_size=60))
def test_history_and_live_messages_meet_without_a_seam(steps: list[str]) -> None:
    scene = Scene()
    scene.arrive()  # somebody hears the topic from the beginning
    for step in [*steps, *["settle"] * 60, *["publish"] * 60]:
        getattr(scene, step)()
    for ear, last_of_history in scene.histories.items():
        assert ear.seqs() == list(range(last_of_history + 1, scene.committed + 1))


def test_each_hears_under_the_name_and_in_the_dialect_of_its_own() -> None:
    room, plain, stock = Room(new_id()), Ear(), Ear(SOCKET_IO)
    room.arrive(plain, "stream:1")
    room.arrive(stock, "channel:2")
    for ear in (plain, stock):
        room.settle(ear, 0)
    room.hear([message(1), Numbered(0, b'{"type":"message_deleted"}')])
    assert plain.events() == [
        {"type": "new_message", "room": "stream:1", "seq": 1},
        {"type": "message_deleted", "room": "stream:1"},
    ]
    assert stock.events() == [
        ["new_message", {"room": "channel:2", "seq": 1}],
        ["message_deleted", {"room": "channel:2"}],
    ]


def test_what_came_together_is_one_write_and_the_laggard_gets_it_without_chat() -> None:
    room, ear = Room(new_id()), Ear()
    room.arrive(ear, "stream:1")
    room.settle(ear, 0)
    room.hear([message(1), message(2), Numbered(0, b'{"type":"stream_ended"}')])
    (burst,) = ear.bursts
    assert burst.messages == 2
    assert b"stream_ended" in burst.essential
    assert b"new_message" not in burst.essential


def test_whoever_leaves_hears_no_more() -> None:
    room, ear = Room(new_id()), Ear()
    room.arrive(ear, "stream:1")
    room.settle(ear, 0)
    room.leave(ear)
    assert room.is_empty
    assert room.hear([message(1)]) == 0
    assert ear.bursts == []


def test_what_only_anothers_history_brought_is_fetched_for_whoever_read_an_older_one() -> None:
    """The message was committed between two readings, and its publishing was lost."""
    left_behind: list[Room] = []
    room, early, late = Room(new_id(), left_behind.append), Ear(), Ear()
    for ear in (early, late):
        room.arrive(ear, "stream:1")
    room.settle(late, 6)
    room.settle(early, 5)
    assert left_behind == [room]
    assert room.lacking == (5, 7)
    room.hear([message(7)])
    assert early.seqs() == []
    assert room.lacking == (5, 7)
    room.catch_up((5, 7), [message(6)], dropped=0)
    room.hear([message(8)])
    assert early.seqs() == [6, 7, 8]
    assert late.seqs() == [7, 8]
