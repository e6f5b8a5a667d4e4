"""Socket.IO v5 over Engine.IO v4 on a WebSocket: just what the stock clients need, without any I/O.

One Engine.IO packet is one text frame: a digit for the kind, then its data; kind 4 carries a
Socket.IO packet, which `python-socketio` parses. The event's name is our `type`, its argument
the remaining fields. Facts from https://socket.io/docs/v4/engine-io-protocol/ and
https://socket.io/docs/v4/socket-io-protocol/.
"""

from typing import Any

import msgspec
from socketio import packet as sio

from realtime.answers import event_name
from realtime.protocol import FRAME_LIMIT_BYTES, Code, Refused, Said, read_event

PING = b"2"
DISCONNECT = b"41"
CLOSE_PACKET = "1"
PONG_PACKET = "3"
MESSAGE = "4"


class Connect(msgspec.Struct, frozen=True):
    """The client opens the default namespace, perhaps with a token."""

    token: str | None


class Pong(msgspec.Struct, frozen=True):
    """The client answered a ping."""


class Goodbye(msgspec.Struct, frozen=True):
    """The client disconnects."""


class Ignored(msgspec.Struct, frozen=True):
    """Something that asks nothing of the server."""


class WrongNamespace(msgspec.Struct, frozen=True):
    """The client opens a namespace other than the default one."""

    namespace: str


class _Json:
    """JSON as our own sockets read it: strict about numbers, depth and half surrogates, unlike Python's own."""

    loads = staticmethod(msgspec.json.decode)

    @staticmethod
    def dumps(data: Any, **_style: Any) -> str:
        return msgspec.json.encode(data).decode()


class _Packet(sio.Packet):
    json = _Json


Packet = Connect | Said | Pong | Goodbye | Ignored | WrongNamespace


def read_packet(text: str) -> Packet:
    """What one text frame says; raises Refused."""
    if text[:1] == MESSAGE:
        return _read_message(text[1:])
    if text == PONG_PACKET:
        return Pong()
    if text == CLOSE_PACKET:
        return Goodbye()
    if text[:1] in ("2", "5", "6"):
        return Ignored()
    raise Refused(Code.BAD_JSON, "This is not an Engine.IO packet.")


def _read_message(text: str) -> Packet:
    try:
        packet = _Packet(encoded_packet=text)
    except (ValueError, msgspec.DecodeError, RecursionError, IndexError) as error:
        raise Refused(Code.BAD_JSON, "This is not a Socket.IO packet.") from error
    if packet.packet_type == sio.CONNECT:
        return _connect(packet)
    if packet.packet_type == sio.EVENT:
        return _event(packet)
    if packet.packet_type == sio.DISCONNECT:
        return Goodbye()
    if packet.packet_type in (sio.BINARY_EVENT, sio.BINARY_ACK):
        refused = Refused(Code.BINARY, "Binary data is not taken here.")
        refused.ack_id = packet.id
        raise refused
    return Ignored()


def _connect(packet: Any) -> Packet:
    if packet.namespace not in (None, "/"):
        return WrongNamespace(str(packet.namespace))
    token = packet.data.get("token") if isinstance(packet.data, dict) else None
    return Connect(token if isinstance(token, str) and token else None)


def _event(packet: Any) -> Said:
    data = packet.data
    if not isinstance(data, list) or not data or not isinstance(data[0], str):
        raise Refused(Code.BAD_JSON, "An event is an array that begins with its name.")
    try:
        return Said(read_event(data[0], data[1] if len(data) > 1 else None), packet.id)
    except Refused as refused:
        refused.ack_id = packet.id
        raise


def open_packet(sid: str, ping_interval_s: int) -> bytes:
    """The Engine.IO handshake, sent first."""
    handshake = {
        "sid": sid,
        "upgrades": [],
        "pingInterval": ping_interval_s * 1000,
        "pingTimeout": ping_interval_s * 1000,
        "maxPayload": FRAME_LIMIT_BYTES,
    }
    return b"0" + msgspec.json.encode(handshake)


def connected(sid: str) -> bytes:
    """The namespace is open."""
    return b"40" + msgspec.json.encode({"sid": sid})


def connect_error(code: str, message: str, namespace: str = "/") -> bytes:
    """The namespace stays shut; the stock client raises `connect_error`."""
    packet = _Packet(sio.CONNECT_ERROR, {"message": message, "data": {"code": code}}, namespace)
    return f"4{packet.encode()}".encode()


def event_packet(event: bytes) -> bytes:
    """An event object, whose first field is its type, as a Socket.IO event."""
    name = event_name(event)
    rest = event[len(name) + 10 :]
    return b'42["' + name + b'",{' + (rest[1:] if rest.startswith(b",") else rest) + b"]"


def ack_packet(ack_id: int, reply: bytes) -> bytes:
    """A reply object as the acknowledgement that the client waits for."""
    return b"43%d[" % ack_id + reply + b"]"
