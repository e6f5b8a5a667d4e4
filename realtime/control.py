"""What processes tell each other about people and rooms, so that nobody acts on what is no longer so."""

import asyncio
from collections.abc import Collection, Coroutine
from typing import Any
from uuid import UUID

import msgspec
import structlog

from realtime.answers import ErrorEvent
from realtime.client import Client
from realtime.hall import Hall
from realtime.protocol import Code
from services.actors import Actor
from services.errors import ServiceError
from services.events import (
    ChatSettingsChanged,
    RoomAccessChanged,
    SessionRevoked,
    UserBanned,
    UserChanged,
    UserUnbanned,
)

log = structlog.get_logger(__name__)

Told = SessionRevoked | UserChanged | ChatSettingsChanged | UserBanned | UserUnbanned | RoomAccessChanged

_decoder = msgspec.json.Decoder(Told)


class Control:
    """Hears the control topic."""

    def __init__(self, clients: Collection[Client], hall: Hall) -> None:
        self._clients, self._hall = clients, hall
        self._tasks: set[asyncio.Task[None]] = set()

    def hear(self, event: bytes) -> None:
        """Act on an event; those that are not for this process are passed over."""
        try:
            told = _decoder.decode(event)
        except msgspec.ValidationError:
            log.debug("control_passed_over", control=msgspec.json.decode(event, type=dict[str, Any]).get("type"))
            return
        if isinstance(told, SessionRevoked):
            self._end_session(told)
        elif isinstance(told, UserChanged):
            self._hall.standings.forget(user_id=told.user_id)
            theirs = [client for client in self._clients if _is(client, told.user_id)]
            self._follow_again(theirs)
            self._know_again(theirs)
        elif isinstance(told, UserBanned | UserUnbanned):
            self._tell_person(told)
        else:
            self._hall.standings.forget(room_id=told.room_id)
            if isinstance(told, RoomAccessChanged):
                self._hall.doors.room_changed(told.room_id)

    def resume(self) -> None:
        """Redis is back: what was said meanwhile is lost, so nothing that is remembered counts."""
        self._hall.standings.forget()
        self._hall.doors.all_changed()
        self._know_again([client for client in self._clients if client.actor is not None])

    def _tell_person(self, told: UserBanned | UserUnbanned) -> None:
        """A ban everywhere is told to the sockets of the person, wherever they are."""
        for client in self._clients:
            if _is(client, told.user.id):
                client.tell(told)

    def _follow_again(self, clients: Collection[Client]) -> None:
        """Whoever hears of those they follow may follow others now."""
        for client in clients:
            if client.topics and client.actor is not None:
                self._begin(self._hear_private(client, client.actor))

    async def _hear_private(self, client: Client, actor: Actor) -> None:
        try:
            await self._hall.hear_private(client, actor)
        except ServiceError as error:
            log.warning("follows_not_read", error=error.message)

    def _know_again(self, clients: Collection[Client]) -> None:
        """They may block others now, or hold another office."""
        if clients:
            self._begin(self._try_to_know(clients))

    async def _try_to_know(self, clients: Collection[Client]) -> None:
        try:
            await self._hall.know_again(clients)
        except ServiceError as error:
            log.warning("people_not_read", error=error.message)

    def _end_session(self, told: SessionRevoked) -> None:
        for client in self._clients:
            if client.identity is not None and client.identity.actor.session_id == told.session_id:
                self._hall.sign_out(client)
                client.tell(ErrorEvent(code=Code.UNAUTHORIZED, message="The session has ended."))

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _is(client: Client, user_id: UUID) -> bool:
    identity = client.identity
    return identity is not None and identity.actor.user_id == user_id
