"""Who may not be in a room any more is shown out of it, and told so."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable
from typing import Any
from uuid import UUID

import structlog

from realtime.client import Client
from realtime.threads import Threads
from services import clock, rooms
from services.errors import ServiceError
from services.events import RoomClosed

log = structlog.get_logger(__name__)

RECHECK_S = 10

PutOut = Callable[[Client, UUID], None]


class Doors:
    """Asks the database who may stay: when it is said that the answer may have changed, and now and then."""

    def __init__(self, threads: Threads, clients: Collection[Client], put_out: PutOut) -> None:
        """`put_out` takes a client out of a room."""
        self._threads, self._clients, self._put_out = threads, clients, put_out
        self._changed: set[Client] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Look now and then who sits in lounges without the right to, until cancelled.

        Events say so at once; this is for lost ones.
        """
        while True:
            await asyncio.sleep(RECHECK_S)
            await self._look(self._in_rooms("lounge:"))

    def room_changed(self, room_id: UUID) -> None:
        """Other people than before may be in a room."""
        self._begin(self._look((client, room_id) for client in self._clients if room_id in client.joined))

    async def look_at(self, client: Client) -> None:
        """Somebody else than before is behind a socket; returns when it is where this one may be."""
        await self._look((client, room_id) for room_id in client.joined)

    def person_changed(self, client: Client) -> None:
        """Behind a socket is nobody known any more, or somebody of another office; many of them cost one look."""
        if not client.joined:
            return
        self._changed.add(client)
        if len(self._changed) == 1:
            self._begin(self._look_at_changed())

    def all_changed(self) -> None:
        """Whatever was said of rooms that are not open to everybody was not heard."""
        self._begin(self._look(self._in_rooms("lounge:", "session:", "breakout:")))

    async def _look_at_changed(self) -> None:
        changed, self._changed = self._changed, set()
        await self._look((client, room_id) for client in changed for room_id in client.joined)

    def _in_rooms(self, *kinds: str) -> Iterable[tuple[Client, UUID]]:
        return (
            (client, room_id)
            for client in self._clients
            for room_id, name in client.joined.items()
            if name.startswith(kinds)
        )

    async def _look(self, inside: Iterable[tuple[Client, UUID]]) -> None:
        """Take out whoever may not be where they are."""
        places = [(client, room_id, (room_id, _person(client))) for client, room_id in inside]
        try:
            outside = await self._threads.query(rooms.outsiders, {pair for _, _, pair in places})
        except ServiceError as error:
            log.warning("rooms_not_checked", error=error.message)
            return
        for client, room_id, (_, person) in places:
            if (room_id, person) in outside and room_id in client.joined and _person(client) == person:
                client.tell(RoomClosed(room=client.joined[room_id]))
                self._put_out(client, room_id)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _person(client: Client) -> UUID | None:
    """Who the client is at this moment; None for a guest, and for somebody whose token has expired."""
    identity = client.identity
    return identity.actor.user_id if identity and identity.expires_at > clock.now() else None
