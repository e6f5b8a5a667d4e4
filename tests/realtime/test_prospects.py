"""Who joins is known before they speak: standings read ahead, many in one question."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import peewee

from realtime.prospects import AT_ONCE, Prospects
from realtime.threads import Threads
from services.ids import new_id
from services.standing import Pair, RememberedStandings, Standing


class Register:
    """A database that knows nobody, and writes down whom it was asked about."""

    def __init__(self, *, is_away: bool = False) -> None:
        self.is_away = is_away
        self.asked: list[set[Pair]] = []

    def of(self, pairs: Sequence[Pair]) -> Sequence[Standing | None]:
        self.asked.append(set(pairs))
        if self.is_away:
            raise peewee.OperationalError("away")
        return [None] * len(pairs)


def play(register: Register, *waves: list[Pair]) -> None:
    """Let each wave of people join after the last was read."""

    async def scene() -> None:
        threads = Threads(1)
        prospects = Prospects(threads, RememberedStandings(register))
        for wave in waves:
            for room_id, user_id in wave:
                prospects.expect(room_id, user_id)
            await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))
        threads.close()

    asyncio.run(scene())


def people(count: int, room_id: UUID) -> list[Pair]:
    return [(room_id, new_id()) for _ in range(count)]


def test_those_who_come_together_are_read_together() -> None:
    register, arrivals = Register(), people(3, new_id())
    play(register, [*arrivals, arrivals[0]])
    assert register.asked == [set(arrivals)]


def test_a_crowd_is_read_in_bounded_questions() -> None:
    register, arrivals = Register(), people(AT_ONCE + 1, new_id())
    play(register, arrivals)
    assert [len(asked) for asked in register.asked] == [AT_ONCE, 1]


def test_a_database_that_is_away_is_asked_again_when_somebody_else_comes() -> None:
    register = Register(is_away=True)
    first, second = people(1, new_id()), people(1, new_id())
    play(register, first, second)
    assert register.asked == [set(first), set(second)]
