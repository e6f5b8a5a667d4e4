"""What processes tell each other about people and rooms, so that nobody acts on what is no longer so."""

import asyncio
from collections.abc import Iterable
from typing import Any

import msgspec
import structlog

from realtime.answers import ErrorEvent
from realtime.client import Client
from realtime.hall import Hall
from realtime.protocol import Code
from services.actors import Actor
from services.errors import ServiceError
from services.events import ChatSettingsChanged, SessionRevoked, UserChanged

log = structlog.get_logger(__name__)

Told = SessionRevoked | UserChanged | ChatSettingsChanged

_decoder = msgspec.json.Decoder(Told)


class Control:
    """Hears the control topic."""

    def __init__(self, clients: Iterable[Client], hall: Hall) -> None:
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
            self._follow_again(told)
        else:
            self._hall.standings.forget(room_id=told.room_id)

    def _follow_again(self, told: UserChanged) -> None:
        """Whoever hears of those they follow may follow others now."""
        for client in self._clients:
            if client.topics and client.identity is not None and client.identity.actor.user_id == told.user_id:
                task = asyncio.get_running_loop().create_task(self._hear_private(client, client.identity.actor))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _hear_private(self, client: Client, actor: Actor) -> None:
        try:
            await self._hall.hear_private(client, actor)
        except ServiceError as error:
            log.warning("follows_not_read", error=error.message)

    def _end_session(self, told: SessionRevoked) -> None:
        for client in self._clients:
            if client.identity is not None and client.identity.actor.session_id == told.session_id:
                self._hall.sign_out(client)
                client.tell(ErrorEvent(code=Code.UNAUTHORIZED, message="The session has ended."))
