"""Audiences are written to in turns: nobody is left out, what gathers is one write, and small rooms do not wait."""

import asyncio

from realtime.audience import Audience, Burst
from realtime.dialects import JSON, Dialect
from realtime.fan_out import FanOut
from realtime.metrics import Metrics
from tests.realtime.frames import events_in


class Ear:
    """A hearer that keeps what it was pushed, in one line with others."""

    dialect: Dialect = JSON

    def __init__(self, line: list["Ear"]) -> None:
        self.bursts: list[Burst] = []
        self._line = line

    def push(self, burst: Burst) -> None:
        self.bursts.append(burst)
        self._line.append(self)

    def numbers(self) -> list[int]:
        return [event["n"] for burst in self.bursts for event in events_in(burst.data)]


def event(number: int) -> bytes:
    return b'{"type":"x","n":%d}' % number


def seated(audience: Audience, count: int, line: list[Ear]) -> list[Ear]:
    ears = [Ear(line) for _ in range(count)]
    for ear in ears:
        audience.add(ear)
    return ears


def test_what_is_said_while_a_room_is_written_to_is_the_next_write_to_each() -> None:
    async def scene() -> None:
        audience, line = Audience(FanOut(Metrics(), slice_=2)), list[Ear]()
        ears = seated(audience, 5, line)
        audience.tell([event(1)])
        audience.tell([event(2)])
        audience.tell([event(3)])
        assert len(line) == 2
        while audience.is_waiting:
            await asyncio.sleep(0)
        assert [(ear.numbers(), len(ear.bursts)) for ear in ears] == [([1, 2, 3], 2)] * 5

    asyncio.run(scene())


def test_a_small_room_does_not_wait_for_the_end_of_a_large_one() -> None:
    async def scene() -> None:
        fan_out, line = FanOut(Metrics(), slice_=10), list[Ear]()
        large, small = Audience(fan_out), Audience(fan_out)
        seated(large, 100, line)
        few = seated(small, 3, line)
        large.tell([event(1)])
        small.tell([event(2)])
        while large.is_waiting or small.is_waiting:
            await asyncio.sleep(0)
        assert len(line) == 103
        assert max(line.index(ear) for ear in few) < 40

    asyncio.run(scene())


def test_whoever_comes_or_goes_meanwhile_hears_just_their_part() -> None:
    async def scene() -> None:
        fan_out, line = FanOut(Metrics(), slice_=1), list[Ear]()
        audience = Audience(fan_out)
        ears = seated(audience, 4, line)
        audience.tell([event(1)])
        gone = next(ear for ear in ears if not ear.bursts)
        audience.remove(gone)
        audience.tell([event(2)])
        late = seated(audience, 1, line)[0]
        audience.tell([event(3)])
        fan_out.finish()
        assert (gone.numbers(), late.numbers()) == ([], [3])
        assert [ear.numbers() for ear in ears if ear is not gone] == [[1, 2, 3]] * 3

    asyncio.run(scene())
