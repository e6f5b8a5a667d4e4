"""The writer's own promises, with a store that is told what to do."""

import asyncio
from collections.abc import Sequence

from realtime.metrics import Metrics
from realtime.sequence import Numbered
from realtime.writer import Writer
from services import clock
from services.actors import Actor, Role
from services.chat import Draft, News, Outcome, Sent
from services.errors import NotFound, Unavailable
from services.ids import new_id
from services.messages import Message
from services.rooms import RoomRef
from services.topics import room_topic

ROOM = RoomRef(new_id(), "stream:x")


class Press:
    """Stores whatever it is given, in order, unless it is told to fail; writes down what happened."""

    def __init__(self, *, refusal: Exception | None = None, spoils: str | None = None, is_mute: bool = False) -> None:
        self.refusal, self.spoils, self.is_mute = refusal, spoils, is_mute
        self.batches: list[list[str]] = []
        self.announced: list[int] = []
        self.heard: list[Numbered] = []

    def store(self, drafts: Sequence[Draft]) -> list[Outcome]:
        if self.refusal is not None:
            raise self.refusal
        if self.spoils in [draft.text for draft in drafts]:
            raise ValueError("one that nobody foresaw")
        first = 1 + sum(map(len, self.batches))
        self.batches.append([draft.text for draft in drafts])
        return [Sent(ROOM.id, _message(seq, draft.text), is_new=True) for seq, draft in enumerate(drafts, first)]

    def announce(self, news: News | None) -> None:
        if self.is_mute:
            raise ValueError("one that nobody foresaw")
        self.announced += [seq for _, seq, _ in news.events] if news else []

    def hear(self, stored: Sequence[tuple[bytes, Numbered]]) -> None:
        assert {topic for topic, _ in stored} == {room_topic(ROOM.id).encode()}
        self.heard += [message for _, message in stored]


def _message(seq: int, text: str) -> Message:
    return Message(id=new_id(), seq=seq, text=text, author=None, created_at=clock.now())


def said(text: str) -> Draft:
    return Draft(room=ROOM, actor=Actor(new_id(), Role.VIEWER), text=text)


def sent(press: Press, *texts: str) -> list[Outcome]:
    """What a writer with one thread answers, said all at once."""

    async def scene() -> list[Outcome]:
        writer = Writer(press.store, press.announce, press.hear, Metrics(), threads=1)
        outcomes = await asyncio.gather(*(writer.send(said(text)) for text in texts))
        await writer.close()
        late = await writer.send(said("too late"))
        assert isinstance(late, Unavailable)
        return outcomes

    return asyncio.run(scene())


def test_whoever_waits_is_answered_and_the_process_and_the_others_hear_of_it_in_order() -> None:
    press = Press()
    outcomes = sent(press, "one", "two", "three")
    assert [outcome.message.text for outcome in outcomes if isinstance(outcome, Sent)] == ["one", "two", "three"]
    assert [message.seq for message in press.heard] == press.announced == [1, 2, 3]
    assert press.heard[0].event.startswith(b'{"type":"new_message",')


def test_an_answer_comes_before_the_sockets_of_the_process_hear() -> None:
    press = Press()

    async def scene() -> list[int]:
        writer = Writer(press.store, press.announce, press.hear, Metrics())
        await writer.send(said("one"))
        before = len(press.heard)
        await writer.close()
        return [before, len(press.heard)]

    assert asyncio.run(scene()) == [0, 1]


def test_whoever_is_called_back_is_answered_before_the_sockets_hear_too() -> None:
    press = Press()

    async def scene() -> list[tuple[str, int]]:
        writer, answered = Writer(press.store, press.announce, press.hear, Metrics()), list[tuple[str, int]]()
        for text in ("one", "two"):
            writer.take(said(text), lambda outcome: answered.append((_text(outcome), len(press.heard))))
        await writer.close()
        return answered

    (first, before), (second, _) = asyncio.run(scene())
    assert (first, before, second, len(press.heard)) == ("one", 0, "two", 2)


def _text(outcome: Outcome) -> str:
    return outcome.message.text if isinstance(outcome, Sent) else outcome.code


def test_a_refusal_of_the_store_is_everybodys_answer() -> None:
    outcomes = sent(Press(refusal=NotFound("No such room.")), "one", "two")
    assert [type(outcome) for outcome in outcomes] == [NotFound, NotFound]


def test_one_message_that_cannot_be_stored_costs_the_others_nothing() -> None:
    outcomes = sent(Press(spoils="two"), "one", "two", "three")
    assert [isinstance(outcome, Sent) for outcome in outcomes] == [True, False, True]
    assert isinstance(outcomes[1], Unavailable)


def test_an_announcement_that_fails_does_not_end_the_writer() -> None:
    press = Press(is_mute=True)

    async def scene() -> list[Outcome]:
        writer = Writer(press.store, press.announce, press.hear, Metrics(), threads=1)
        outcomes = [await writer.send(said(str(number))) for number in range(3)]
        await writer.close()
        return outcomes

    assert all(isinstance(outcome, Sent) for outcome in asyncio.run(scene()))
    assert len(press.heard) == 3
