"""RTMP's messages by name: their type numbers, and the control messages that a server sends.

Source: Adobe RTMP 1.0, sections 5.4 (protocol control), 6 and 7.1 (commands, user control).
"""

import struct
from enum import IntEnum
from typing import Final, NamedTuple

from ingest.errors import ProtocolError

_U16 = struct.Struct(">H")
_U32 = struct.Struct(">I")


class MessageType(IntEnum):
    """The type number in a message's header."""

    SET_CHUNK_SIZE = 1
    ABORT = 2
    ACKNOWLEDGEMENT = 3
    USER_CONTROL = 4
    WINDOW_SIZE = 5
    PEER_BANDWIDTH = 6
    AUDIO = 8
    VIDEO = 9
    DATA_AMF3 = 15
    COMMAND_AMF3 = 17
    DATA = 18
    COMMAND = 20
    AGGREGATE = 22


class UserControl(IntEnum):
    """The event number in a user control message."""

    STREAM_BEGIN = 0
    PING_REQUEST = 6
    PING_RESPONSE = 7


DYNAMIC_LIMIT: Final = 2


class Message(NamedTuple):
    """One whole message; `timestamp` is in milliseconds, modulo 2**32."""

    type: int
    timestamp: int
    stream_id: int
    payload: bytes


def set_chunk_size(size: int) -> Message:
    """Announce how long the chunks that we send may be."""
    return Message(MessageType.SET_CHUNK_SIZE, 0, 0, _U32.pack(size))


def acknowledgement(received: int) -> Message:
    """Tell the peer how many bytes have arrived so far."""
    return Message(MessageType.ACKNOWLEDGEMENT, 0, 0, _U32.pack(received & 0xFFFFFFFF))


def window_size(size: int) -> Message:
    """Ask the peer to acknowledge every `size` bytes."""
    return Message(MessageType.WINDOW_SIZE, 0, 0, _U32.pack(size))


def peer_bandwidth(size: int) -> Message:
    """Limit what the peer sends before it hears an acknowledgement."""
    payload = _U32.pack(size) + bytes((DYNAMIC_LIMIT,))
    return Message(MessageType.PEER_BANDWIDTH, 0, 0, payload)


def stream_begin(stream_id: int) -> Message:
    """Say that a message stream can be used now."""
    payload = _U16.pack(UserControl.STREAM_BEGIN) + _U32.pack(stream_id)
    return Message(MessageType.USER_CONTROL, 0, 0, payload)


def ping_response(request: bytes) -> Message | None:
    """Answer a user control message if it is a ping, else return None."""
    if len(request) < 6 or _U16.unpack_from(request)[0] != UserControl.PING_REQUEST:
        return None
    payload = _U16.pack(UserControl.PING_RESPONSE) + request[2:6]
    return Message(MessageType.USER_CONTROL, 0, 0, payload)


def number(payload: bytes) -> int:
    """Read the one 32-bit number that most control messages carry; raises ProtocolError."""
    if len(payload) < 4:
        raise ProtocolError("a control message is too short")
    return int(_U32.unpack_from(payload)[0])
