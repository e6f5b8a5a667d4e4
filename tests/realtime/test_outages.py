"""The database away for ten seconds under load: nothing acknowledged is lost, nothing is said twice."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from time import monotonic

import msgspec
import pytest
import redis

import bootstrap
from db.connection import close_database, query
from db.migrate import migrate
from settings import Settings
from tests.fakes import FakeJobs
from tests.folders import open_folder
from tests.realtime.conftest import Show, make_show
from tests.realtime.own_postgres import OwnPostgres, open_postgres
from tests.realtime.running import Crowd, Person, Process, play

AWAY_S = 10
RECOVERS_WITHIN_S = 15
PAUSE_S = 0.6  # a person sends no more than twenty messages in ten seconds

ABSENCES: dict[str, tuple[Callable[[OwnPostgres], None], Callable[[OwnPostgres], None]]] = {
    "stopped": (OwnPostgres.shut, OwnPostgres.open),
    "frozen": (OwnPostgres.freeze, OwnPostgres.thaw),
}


class Diary:
    """What speakers were answered, and when."""

    def __init__(self) -> None:
        self.acknowledged: dict[str, str] = {}
        self.acknowledged_at: list[float] = []
        self.refused_at: list[float] = []
        self.codes: set[str] = set()
        self._has_changed = asyncio.Event()

    def note(self, words: str, answer: dict[str, object]) -> bool:
        """Write down an answer; says whether it was an acknowledgement."""
        self._has_changed.set()
        if answer["type"] == "error":
            self.codes.add(str(answer["code"]))
            self.refused_at.append(monotonic())
            return False
        message = answer["message"]
        assert isinstance(message, dict)
        self.acknowledged[words] = message["id"]
        self.acknowledged_at.append(monotonic())
        return True

    async def until(self, is_so: Callable[[], bool], limit_s: float) -> None:
        async with asyncio.timeout(limit_s):
            while not is_so():
                self._has_changed.clear()
                await self._has_changed.wait()


@pytest.fixture
def postgres(opened: Settings, redis_client: "redis.Redis", jobs: FakeJobs) -> Iterator[OwnPostgres]:
    """A server for this test alone, migrated, which this process uses as well."""
    close_database()
    with open_folder("astrotv-outage-") as folder, open_postgres(folder) as server:
        migrate(server.url)
        bootstrap.open_stores(_on(opened, server), pool_size=4, jobs=jobs)
        try:
            yield server
        finally:
            close_database()
            bootstrap.open_stores(opened, pool_size=40, jobs=FakeJobs())


@pytest.mark.parametrize("absence", ABSENCES)
def test_ten_seconds_without_the_database_lose_and_double_nothing(
    absence: str, opened: Settings, postgres: OwnPostgres
) -> None:
    show = make_show()
    process = Process(_on(opened, postgres))
    leave, come_back = ABSENCES[absence]

    async def scene(crowd: Crowd) -> tuple[Diary, list[int]]:
        diary, is_over = Diary(), asyncio.Event()
        guest = await crowd.person(process)
        await guest.ask("join", room=show.room)
        speaking = await _speakers(crowd, process, show, diary, is_over)
        await diary.until(lambda: len(diary.acknowledged) > len(speaking), 60)
        left_at = monotonic()
        leave(postgres)
        try:
            await diary.until(lambda: max(diary.refused_at, default=0) >= left_at + AWAY_S, 3 * AWAY_S)
        finally:
            come_back(postgres)  # on this thread: a server ends with the thread that started it
        back_at = monotonic()
        await diary.until(lambda: max(diary.acknowledged_at) > back_at, RECOVERS_WITHIN_S)
        is_over.set()
        await asyncio.wait_for(asyncio.gather(*speaking), RECOVERS_WITHIN_S)
        last = (await asyncio.to_thread(query, "SELECT max(seq) FROM messages"))[0][0]
        await guest.hear(lambda event: event.get("seq") == last or _heard(guest, last))
        return diary, [message["seq"] for message in guest.messages()]

    try:
        process.wait_until_ready()
        diary, heard = play(scene)
    finally:
        process.stop()
    stored = query("SELECT text, id::text FROM messages ORDER BY seq")
    assert diary.codes == {"unavailable"}
    assert len({words for words, _ in stored}) == len(stored)
    assert diary.acknowledged == dict(stored)
    assert heard == list(range(1, len(stored) + 1))


async def _speakers(
    crowd: Crowd, process: Process, show: Show, diary: Diary, is_over: asyncio.Event
) -> list[asyncio.Task[None]]:
    tasks = []
    for name, token in (("ana", show.ana), ("ben", show.ben)):
        person = await crowd.person(process)
        await person.ask("join", room=show.room, token=token)
        tasks.append(asyncio.create_task(_speak(person, name, diary, is_over)))
    return tasks


async def _speak(person: Person, name: str, diary: Diary, is_over: asyncio.Event) -> None:
    """Say one thing after the other, each as often as it takes; whatever was begun is finished."""
    number = 0
    while not is_over.is_set():
        number += 1
        words, is_said = f"{name} {number}", False
        while not is_said:
            is_said = diary.note(words, await person.ask("chat", text=words, clientMessageId=words))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(is_over.wait(), PAUSE_S)


def _heard(person: Person, seq: int) -> bool:
    return any(message["seq"] == seq for message in person.messages())


def _on(settings: Settings, server: OwnPostgres) -> Settings:
    return msgspec.structs.replace(settings, database_url=server.url, database_owner_url=server.url)
