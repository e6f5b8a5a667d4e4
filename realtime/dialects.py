"""The two ways in which sockets speak: plain JSON frames, and Socket.IO packets."""

from typing import Protocol

from realtime import socketio
from realtime.frames import text_frame
from realtime.protocol import Said, read_command


class Dialect(Protocol):
    """How events become frames, and text becomes what was said; one object serves all its sockets."""

    def frame(self, event: bytes) -> bytes:
        """An event object, beginning with its type, as the bytes of one WebSocket frame."""

    def reply(self, event: bytes, ack_id: int | None) -> bytes:
        """The answer to one command, likewise."""

    def read(self, text: str) -> Said | socketio.Packet:
        """What one text frame says; raises Refused."""


class JsonDialect:
    """One JSON object a frame."""

    def frame(self, event: bytes) -> bytes:
        return text_frame(event)

    def reply(self, event: bytes, ack_id: int | None) -> bytes:
        return text_frame(event)

    def read(self, text: str) -> Said:
        return Said(read_command(text))


class SocketIoDialect:
    """One Engine.IO packet a frame; answers go to the acknowledgement where the client gave one."""

    def frame(self, event: bytes) -> bytes:
        return text_frame(socketio.event_packet(event))

    def reply(self, event: bytes, ack_id: int | None) -> bytes:
        return self.frame(event) if ack_id is None else text_frame(socketio.ack_packet(ack_id, event))

    def read(self, text: str) -> socketio.Packet:
        return socketio.read_packet(text)


JSON: Dialect = JsonDialect()
SOCKET_IO: Dialect = SocketIoDialect()
