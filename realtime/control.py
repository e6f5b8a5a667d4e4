"""What processes tell each other about people and rooms, so that nobody acts on what is no longer so."""

from collections.abc import Iterable
from typing import Any

import msgspec
import structlog

from realtime.client import Client
from realtime.hall import Hall
from realtime.protocol import Code, ErrorEvent
from services.events import ChatSettingsChanged, SessionRevoked, UserChanged

log = structlog.get_logger(__name__)

Told = SessionRevoked | UserChanged | ChatSettingsChanged

_decoder = msgspec.json.Decoder(Told)


class Control:
    """Hears the control topic."""

    def __init__(self, clients: Iterable[Client], hall: Hall) -> None:
        self._clients, self._hall = clients, hall

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
        else:
            self._hall.standings.forget(room_id=told.room_id)

    def _end_session(self, told: SessionRevoked) -> None:
        for client in self._clients:
            if client.identity is not None and client.identity.actor.session_id == told.session_id:
                self._hall.sign_out(client)
                client.tell(ErrorEvent(code=Code.UNAUTHORIZED, message="The session has ended."))
