"""Whether people still are who their tokens say: who only listens is asked by nobody, and hears private things.

Events tell of revoked sessions at once, and whoever speaks is looked at when they do. This is for tokens that ended
while their socket was silent, and for events that were lost: all sockets of a process in one look.
"""

import asyncio
from collections.abc import Callable, Collection
from uuid import UUID

import structlog

from realtime.answers import ErrorEvent
from realtime.client import Client, Identity
from realtime.protocol import Code
from realtime.threads import Threads
from services import clock, sessions
from services.errors import ServiceError

log = structlog.get_logger(__name__)

LOOK_S = 5

SignOut = Callable[[Client], None]


class Passes:
    """Knows until when the sessions of all sockets here were good."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._looked_at = float("-inf")

    def seen_at(self, identity: Identity) -> float:
        """Loop time at which the session was last seen alive."""
        return max(identity.checked_at, self._looked_at)

    async def run(self, clients: Collection[Client], sign_out: SignOut) -> None:
        """Make guests of those whose token or session has ended, every LOOK_S, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.end_expired(clients, sign_out)
            try:
                await self.end_revoked(clients, sign_out)
            except ServiceError as error:
                log.warning("sessions_not_checked", error=error.message)

    def end_expired(self, clients: Collection[Client], sign_out: SignOut) -> None:
        """Make guests of those whose token has expired."""
        now = clock.now()
        for client in list(clients):
            if client.identity is not None and client.identity.expires_at <= now:
                _end(client, sign_out, "The token has expired.")

    async def end_revoked(self, clients: Collection[Client], sign_out: SignOut) -> None:
        """Make guests of those whose session was revoked; raises Unavailable."""
        began_at = asyncio.get_running_loop().time()
        asked = {session_id for client in clients if (session_id := _session(client))}
        ended = asked - await self._threads.query(sessions.live_sessions, asked) if asked else set()
        for client in list(clients) if ended else ():
            if _session(client) in ended:
                _end(client, sign_out, "The session has ended.")
        self._looked_at = began_at


def _session(client: Client) -> UUID | None:
    return client.identity.actor.session_id if client.identity is not None else None


def _end(client: Client, sign_out: SignOut, why: str) -> None:
    sign_out(client)
    client.tell(ErrorEvent(code=Code.UNAUTHORIZED, message=why))
