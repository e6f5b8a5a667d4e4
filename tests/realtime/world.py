"""Two processes, a database and Redis in one event loop whose clock jumps: for schedules by the hundred.

The processes are the server's own `Rooms` and `Openings`. What is played are the parts that wait: statements take
time and may overtake one another, Redis delays, forgets its subscribers and loses what is said while
it is away.
"""

import asyncio
import json
import selectors
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any, cast

from realtime.audience import Burst
from realtime.dialects import JSON, Dialect
from realtime.fan_out import FanOut
from realtime.metrics import Metrics
from realtime.openings import Openings
from realtime.relay import Heard
from realtime.rooms import Rooms
from realtime.sequence import Numbered
from realtime.threads import Threads
from services import messages
from services.ids import new_id
from services.messages import MISSED_LIMIT, OPENING_MESSAGES, Message, Opening, wire_event
from services.rooms import ChatSettings, RoomRef
from services.topics import room_topic
from tests.realtime.frames import events_in

ROOM = RoomRef(new_id(), "stream:1")
CONFIRMATION_S = 2


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop in which waiting takes no time: its clock jumps to what happens next."""

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(_Impatient(self))

    def time(self) -> float:
        return self._now

    def jump(self, seconds: float) -> None:
        self._now += seconds


class _Impatient(selectors.DefaultSelector):
    def __init__(self, loop: JumpingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout:
            self._loop.jump(timeout)
        return super().select(0)


def played(scene: Coroutine[Any, Any, None]) -> None:
    """Run a scene on a clock that jumps."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(scene)


class Database:
    """The committed messages of the one room; the services' questions, answered after a while."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self.kept: list[Message] = []

    async def query(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        await self._pause()
        answers: dict[object, Callable[..., Any]] = {
            messages.opening: self._opening,
            messages.missed: self._missed,
            messages.last_seqs: self._last_seqs,
        }
        answer = answers[function](*args, **kwargs)
        await self._pause()
        return answer

    def commit(self) -> Message:
        seq = len(self.kept) + 1
        message = Message(id=new_id(), seq=seq, text=str(seq), author=None, created_at=NEVER)
        self.kept.append(message)
        return message

    async def _pause(self) -> None:
        await asyncio.sleep(self._chance.choice((0, 0.001, 0.02, 0.3)))

    def _opening(self, _room: RoomRef, since: int | None) -> Opening:
        missed = self.kept[since:] if since is not None else self.kept[-OPENING_MESSAGES:]
        return Opening(
            last_seq=len(self.kept),
            settings=ChatSettings(),
            pinned=[],
            messages=missed[-MISSED_LIMIT:],
            recovered=since is not None and len(missed) <= MISSED_LIMIT,
            truncated=len(missed) > MISSED_LIMIT,
        )

    def _missed(self, _room: RoomRef, *, after: int, before: int) -> list[Message]:
        return self.kept[after : before - 1][-MISSED_LIMIT:]

    def _last_seqs(self, _rooms: object) -> dict[Any, int]:
        return {ROOM.id: len(self.kept)}


NEVER = datetime(2026, 1, 1, tzinfo=UTC)


class Redis:
    """Passes on to the processes what is published, in one order, while it is there."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self.is_away = False
        self.lines: list[Line] = []

    def publish(self, batch: Sequence[Message]) -> None:
        if not self.is_away:
            for line in self.lines:
                line.bring(batch)

    def restart(self) -> None:
        """Be away; nobody is subscribed to anything any more."""
        self.is_away = True
        for line in self.lines:
            line.cut()

    async def come_back(self) -> None:
        self.is_away = False
        for line in self.lines:
            await asyncio.sleep(self._chance.choice((0, 0.05, 1)))
            line.restore()


class Line:
    """One process's connection to Redis: what it asks, and what it is brought, each in order."""

    def __init__(self, redis: Redis, chance: Random) -> None:
        self._redis, self._chance = redis, chance
        self._wanted: set[str] = set()
        self._confirmed: set[str] = set()
        self._on_the_way: list[tuple[bytes, bytes]] = []
        self._is_bringing = False
        self.hear: Callable[[Heard], None]
        self.restored: Callable[[], None]

    async def subscribe(self, topic: str) -> None:
        self._wanted.add(topic)
        for _ in range(20):
            await asyncio.sleep(CONFIRMATION_S / 20 * self._chance.random())
            if topic in self._confirmed:
                return
            if not self._redis.is_away and topic in self._wanted:
                self._confirmed.add(topic)
                return

    def unsubscribe(self, topic: str) -> None:
        self._wanted.discard(topic)
        self._confirmed.discard(topic)

    def bring(self, batch: Sequence[Message]) -> None:
        topic = room_topic(ROOM.id)
        if topic not in self._confirmed:
            return
        payload = b"\n".join(b"%d\n" % message.seq + wire_event(message) for message in batch)
        self._on_the_way.append((topic.encode(), payload))
        if not self._is_bringing:
            self._is_bringing = True
            asyncio.get_running_loop().call_later(self._chance.choice((0, 0.001, 0.05)), self._arrive)

    def cut(self) -> None:
        self._confirmed.clear()
        self._on_the_way.clear()

    def restore(self) -> None:
        if not self._redis.is_away:
            self._confirmed |= self._wanted
            self.restored()

    def _arrive(self) -> None:
        self._is_bringing = False
        heard, self._on_the_way = self._on_the_way, []
        if heard:
            self.hear(heard)


class Server:
    """The parts of one process by which a room is heard."""

    def __init__(self, database: Database, redis: Redis, chance: Random) -> None:
        threads = cast(Threads, database)
        line = Line(redis, chance)
        metrics = Metrics()
        self.rooms = Rooms(threads, metrics, FanOut(metrics, slice_=1))
        self.openings = Openings(threads)
        self.rooms.attach(line)
        line.hear, line.restored = self.rooms.hear, self.rooms.resume
        redis.lines.append(line)

    def store(self, batch: Sequence[Message]) -> None:
        """Pass on what this process has committed, before Redis brings it."""
        topic = room_topic(ROOM.id).encode()
        self.rooms.hear_own([(topic, Numbered(message.seq, wire_event(message))) for message in batch])


class Viewer:
    """Somebody who comes and goes; keeps what was shown and heard over all of it.

    What a process missed and could not give whole it announces: no more than that is left out.
    """

    dialect: Dialect = JSON

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.faults: list[str] = []
        self._server: Server | None = None
        self._dropped = 0

    def push(self, burst: Burst) -> None:
        for event in events_in(burst.data):
            if event["type"] == "new_message":
                self._see(event["seq"])
            elif event["type"] == "lagging":
                self._dropped = event["dropped"]

    async def come(self, server: Server) -> None:
        """Join as a client does, with the last message seen."""
        self._server = server
        room = await server.rooms.arrive(self, ROOM)
        since = self.seen[-1] if self.seen else None
        opening = await server.openings.of(ROOM, since)
        shown = [message["seq"] for message in json.loads(bytes(opening.messages))]
        if opening.truncated or not self.seen:
            self.seen = [shown[0] - 1 if shown else opening.last_seq]
        for seq in shown:
            self._see(seq)
        room.settle(self, opening.last_seq)

    def go(self) -> None:
        if self._server is not None:
            self._server.rooms.leave(self, ROOM.id)
            self._server = None

    def _see(self, seq: int) -> None:
        if self._server is None:
            self.faults.append(f"heard {seq} after leaving")
        elif not 1 <= seq - self.seen[-1] <= 1 + self._dropped:
            self.faults.append(f"{seq} after {self.seen[-1]}")
        self._dropped = 0
        self.seen.append(seq)
