"""The clock of the sockets: pings, and an end for those that are silent, stuck or without a room."""

import asyncio
from collections.abc import Iterable, Mapping

from realtime.client import Client
from realtime.connection import Connection
from realtime.protocol import Close

TICK_S = 1
PING_S = 20
SILENCE_S = 45
HANDSHAKE_S = 10
JOIN_S = 30
STUCK_S = 20


class Heartbeat:
    """Looks at every connection once a second."""

    def __init__(self, connections: Iterable[Connection], clients: Mapping[Connection, Client]) -> None:
        self._connections, self._clients = connections, clients

    async def run(self) -> None:
        """Beat until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(TICK_S)
            now = loop.time()
            for connection in list(self._connections):
                self.check(connection, now)

    def check(self, connection: Connection, now: float) -> None:
        """Ping, close or cut one connection where it is time for that; `now` is loop time."""
        client = self._clients.get(connection)
        if client is None:
            if not connection.was_open and now - connection.made_at > HANDSHAKE_S:
                connection.abort()
        elif now - connection.last_heard_at > SILENCE_S:
            connection.abort()
        elif connection.behind_since is not None and now - connection.behind_since > STUCK_S:
            connection.close(Close.TOO_SLOW, "reads too slowly")
        elif now - connection.made_at > JOIN_S and not client.has_joined:
            connection.close(Close.POLICY, "joined nothing")
        elif now - max(connection.pinged_at, connection.made_at) >= PING_S:
            connection.ping()
