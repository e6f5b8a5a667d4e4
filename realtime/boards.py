"""Questions and polls as the rooms here are told of them: at most four times a second, and right at the end.

A change is only marked by the services. What is told is read from the database afterwards, so a
burst of votes costs a few reads, and the last thing told is what is true.
"""

import asyncio
from collections.abc import Collection
from enum import StrEnum
from uuid import UUID

import msgspec
import structlog

from realtime.answers import encode
from realtime.audience import Audience
from realtime.client import Client
from realtime.rooms import Rooms
from realtime.threads import Threads
from services import board_events, polls
from services.errors import ServiceError
from services.events import BoardChanged
from services.polls import Poll, PollStatus

log = structlog.get_logger(__name__)

PAUSE_S = 0.3  # keeps below four a second however unevenly the time between two is spent on the way
AWAY_PAUSE_S = 1


class Kind(StrEnum):
    """What is told at a pace of its own."""

    QUESTIONS = "questions"
    POLLS = "polls"


class Boards:
    """For each room and kind: what is marked and not told yet."""

    def __init__(self, threads: Threads, rooms: Rooms, clients: Collection[Client]) -> None:
        self._threads, self._rooms, self._clients = threads, rooms, clients
        self._marked: dict[tuple[UUID, Kind], dict[BoardChanged, None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def hear(self, room_id: UUID, event: bytes) -> None:
        """Take a mark that came over the room's topic."""
        self.mark(room_id, msgspec.json.decode(event, type=BoardChanged))

    def mark(self, room_id: UUID, changed: BoardChanged) -> None:
        """Have the room told, now or as soon as it was not told for PAUSE_S."""
        key = room_id, Kind.QUESTIONS if changed.poll_id is None else Kind.POLLS
        if key in self._marked:
            self._marked[key][changed] = None
            return
        self._marked[key] = {changed: None}
        self._begin(self._work(key))

    def resume(self) -> None:
        """Redis is back: marks may have been lost, so everything counts as marked."""
        self._begin(self._mark_all())

    async def _work(self, key: tuple[UUID, Kind]) -> None:
        marked = self._marked[key]
        while marked:
            changed = next(iter(marked))
            del marked[changed]
            try:
                await self._tell(key[0], changed)
                await asyncio.sleep(PAUSE_S)
            except ServiceError as error:
                log.warning("board_not_told", room=str(key[0]), error=error.message)
                marked[changed] = None
                await asyncio.sleep(AWAY_PAUSE_S)
        del self._marked[key]

    async def _tell(self, room_id: UUID, changed: BoardChanged) -> None:
        if not self._rooms.has(room_id):
            return
        if changed.poll_id is None:
            self._rooms.tell(room_id, await self._threads.query(board_events.questions_updated, changed.session_id))
            return
        poll = await self._threads.query(polls.public_poll, changed.poll_id)
        if poll is None or poll.status is PollStatus.DRAFT:
            return
        if poll.hides_results and poll.status is not PollStatus.CLOSED:
            await self._tell_each(room_id, poll)
        else:
            self._rooms.tell(room_id, board_events.poll_updated(poll))

    async def _tell_each(self, room_id: UUID, poll: Poll) -> None:
        """Show the counts to those who may know them already, and to the others only how many have voted."""
        people = {client.actor.user_id for client in self._clients if client.actor and room_id in client.joined}
        knowing = await self._threads.query(polls.voters_among, poll.id, list(people))
        shown, hidden = Audience(), Audience()
        for client in self._clients:
            if room_id in client.joined:
                knows = client.actor is not None and client.actor.user_id in knowing
                (shown if knows else hidden).add(client.connection, encode(client.joined[room_id]))
        shown.tell([board_events.poll_updated(poll)])
        hidden.tell([board_events.poll_updated(poll.without_results())])

    async def _mark_all(self) -> None:
        try:
            found = await self._threads.query(board_events.boards_in, self._rooms.ids())
        except ServiceError as error:
            log.warning("boards_not_resumed", error=error.message)
            return
        for room_id, changed in found:
            self.mark(room_id, changed)

    def _begin(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
