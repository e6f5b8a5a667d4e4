"""A socket whose other side says nothing more, not even good-bye, while something is still done for it."""

from websockets.asyncio.client import ClientConnection

from realtime.connection import Connection
from tests.realtime.test_connection import Host, with_socket


def test_whoever_has_hung_up_is_lost_at_once_and_closed_no_second_time() -> None:
    async def scene(host: Host, connection: Connection, client: ClientConnection) -> None:
        connection.eof_received()
        assert host.is_lost.is_set()
        assert not connection.is_open
        connection.send(b'{"type":"late"}')
        connection.close(4401, "unauthorized")

    with_socket(scene)
