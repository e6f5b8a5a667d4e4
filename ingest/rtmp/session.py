"""One publisher's RTMP connection as a state machine: bytes in, events and bytes out.

Nothing but commands is read until the owner of the session has answered a
PublishRequested event with accept() or refuse(). Source: Adobe RTMP 1.0,
section 7.2 (connect, createStream, publish, deleteStream); releaseStream,
FCPublish and FCUnpublish are what Flash Media Server's encoders add.
"""

from enum import Enum, auto
from typing import Final, NamedTuple, TypeAlias

from ingest.errors import ProtocolError
from ingest.flv import MediaKind, aggregated_tags
from ingest.rtmp import amf0, messages
from ingest.rtmp.chunks import ChunkReader, write_message
from ingest.rtmp.handshake import ServerHandshake
from ingest.rtmp.messages import Message, MessageType

MAX_COMMAND_BYTES: Final = 64 << 10
MAX_MEDIA_BYTES: Final = 8 << 20
MAX_HELD_BYTES: Final = 1 << 20
WINDOW_BYTES: Final = 2_500_000
OUR_CHUNK_SIZE: Final = 4096

_CONTROL_STREAM, _COMMAND_STREAM = 2, 3
_MESSAGE_STREAM = 1


class Connected(NamedTuple):
    """The peer said what it is and which application it wants."""

    app: str
    flash_version: str


class PublishRequested(NamedTuple):
    """The peer asks to publish; nothing more is read until it has been answered."""

    app: str
    key: str


class Media(NamedTuple):
    """One FLV tag body; `timestamp` is in milliseconds, modulo 2**32."""

    kind: MediaKind
    timestamp: int
    payload: bytes


class Metadata(NamedTuple):
    """What the encoder says of itself: onMetaData's fields, and the same as AMF0 bytes."""

    fields: dict[str, amf0.Value]
    payload: bytes


class Unpublished(NamedTuple):
    """The peer ended its broadcast on purpose, by this command."""

    command: str


Event: TypeAlias = Connected | PublishRequested | Media | Metadata | Unpublished


class _State(Enum):
    COMMANDS = auto()
    DECIDING = auto()
    PUBLISHING = auto()
    CLOSED = auto()


class Session:
    """Speaks the server's side of RTMP with one publisher."""

    def __init__(self, handshake: ServerHandshake | None = None) -> None:
        self._handshake: ServerHandshake | None = handshake or ServerHandshake()
        self._reader = ChunkReader(MAX_COMMAND_BYTES)
        self._state = _State.COMMANDS
        self._out: list[bytes] = []
        self._held = 0
        self._received = 0
        self._acknowledged = 0
        self._window = WINDOW_BYTES
        self._app = ""
        self._stream_id = _MESSAGE_STREAM
        self._streams_made = 0

    @property
    def closed(self) -> bool:
        """Whether the peer was refused or has nothing more to say."""
        return self._state is _State.CLOSED

    def outgoing(self) -> bytes:
        """Return, once, the bytes to send."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def receive(self, data: bytes) -> list[Event]:
        """Take bytes of the peer and return what they mean; raises ProtocolError."""
        self._received += len(data)
        if self._handshake is not None:
            data = self._shake_hands(self._handshake, data)
        if self._state is _State.DECIDING:
            self._hold(len(data))
        self._reader.push(data)
        self._acknowledge()
        return self._events()

    def accept(self) -> list[Event]:
        """Let the peer publish; return what it had already sent."""
        self._require(_State.DECIDING)
        self._state = _State.PUBLISHING
        self._reader.max_message = MAX_MEDIA_BYTES
        self._reader.max_partial = 2 * MAX_MEDIA_BYTES
        self._send(_CONTROL_STREAM, messages.stream_begin(self._stream_id))
        self._send_status("status", "NetStream.Publish.Start", "Publishing.")
        return self._events()

    def refuse(self, code: str, description: str) -> None:
        """Tell the peer why it may not publish (or may not go on); the session is closed then."""
        self._send_status("error", code, description)
        self._state = _State.CLOSED

    def _shake_hands(self, handshake: ServerHandshake, data: bytes) -> bytes:
        self._out.append(handshake.receive(data))
        if not handshake.done:
            return b""
        self._handshake = None
        return handshake.remainder

    def _hold(self, size: int) -> None:
        self._held += size
        if self._held > MAX_HELD_BYTES:
            raise ProtocolError("the peer did not wait for the answer to publish")

    def _events(self) -> list[Event]:
        events: list[Event] = []
        while self._state in (_State.COMMANDS, _State.PUBLISHING):
            message = self._reader.next_message()
            if message is None:
                break
            self._handle(message, events)
        return events

    def _handle(self, message: Message, events: list[Event]) -> None:
        kind = message.type
        if kind in (MessageType.VIDEO, MessageType.AUDIO):
            if self._state is _State.PUBLISHING:
                events.append(Media(MediaKind(kind), message.timestamp, message.payload))
        elif kind == MessageType.COMMAND:
            self._command(message.stream_id, message.payload, events)
        elif kind == MessageType.COMMAND_AMF3:
            self._command(message.stream_id, message.payload[1:], events)
        elif kind == MessageType.DATA:
            self._data(message.payload, events)
        elif kind == MessageType.DATA_AMF3:
            self._data(message.payload[1:], events)
        elif kind == MessageType.AGGREGATE:
            self._aggregate(message, events)
        else:
            self._control(message)

    def _control(self, message: Message) -> None:
        if message.type == MessageType.WINDOW_SIZE:
            self._window = max(1, messages.number(message.payload))
        elif message.type == MessageType.USER_CONTROL:
            pong = messages.ping_response(message.payload)
            if pong is not None:
                self._send(_CONTROL_STREAM, pong)

    def _aggregate(self, message: Message, events: list[Event]) -> None:
        if self._state is not _State.PUBLISHING:
            return
        tags = aggregated_tags(message.payload, message.timestamp)
        events.extend(Media(tag.kind, tag.timestamp, tag.payload) for tag in tags)

    def _data(self, payload: bytes, events: list[Event]) -> None:
        if self._state is not _State.PUBLISHING:
            return
        values = amf0.decode(payload)
        if values and values[0] == "@setDataFrame":
            payload = payload[amf0.string_size(payload) :]
            values = values[1:]
        if len(values) > 1 and values[0] == "onMetaData" and isinstance(values[1], dict):
            events.append(Metadata(values[1], payload))

    def _command(self, stream_id: int, payload: bytes, events: list[Event]) -> None:
        values = amf0.decode(payload)
        name = values[0] if values else None
        if not isinstance(name, str):
            raise ProtocolError("a command without a name")
        transaction = values[1] if len(values) > 1 else None
        transaction_id = transaction if isinstance(transaction, float) else 0.0
        if name == "connect":
            events.append(self._connect(transaction_id, values))
        elif name == "createStream":
            self._create_stream(transaction_id)
        elif name == "publish":
            events.append(self._ask_to_publish(stream_id, values))
        elif name in ("FCUnpublish", "deleteStream", "closeStream"):
            self._unpublish(name, events)
        elif name == "play":
            self._stream_id = stream_id or _MESSAGE_STREAM
            self.refuse("NetStream.Play.StreamNotFound", "Nothing is played here.")
        elif transaction_id:
            self._send_command(0, "_result", transaction_id, None, None)

    def _connect(self, transaction_id: float, values: list[amf0.Value]) -> Connected:
        options = values[2] if len(values) > 2 and isinstance(values[2], dict) else {}
        self._app = str(options.get("app") or "").partition("?")[0].strip("/")
        self._send(_CONTROL_STREAM, messages.window_size(WINDOW_BYTES))
        self._send(_CONTROL_STREAM, messages.peer_bandwidth(WINDOW_BYTES))
        self._send(_CONTROL_STREAM, messages.set_chunk_size(OUR_CHUNK_SIZE))
        self._send_command(
            0,
            "_result",
            transaction_id,
            {"fmsVer": "FMS/3,5,7,7009", "capabilities": 31},
            {
                "level": "status",
                "code": "NetConnection.Connect.Success",
                "description": "Connection succeeded.",
                "objectEncoding": 0,
            },
        )
        return Connected(self._app, str(options.get("flashVer") or ""))

    def _create_stream(self, transaction_id: float) -> None:
        self._streams_made += 1
        if self._streams_made > 8:
            raise ProtocolError("too many streams on one connection")
        self._send_command(0, "_result", transaction_id, None, _MESSAGE_STREAM)

    def _ask_to_publish(self, stream_id: int, values: list[amf0.Value]) -> PublishRequested:
        self._require(_State.COMMANDS)
        name = values[3] if len(values) > 3 else None
        if not isinstance(name, str):
            raise ProtocolError("publish without a stream name")
        self._stream_id = stream_id or _MESSAGE_STREAM
        self._state = _State.DECIDING
        return PublishRequested(self._app, name.partition("?")[0].strip("/"))

    def _unpublish(self, name: str, events: list[Event]) -> None:
        if self._state is not _State.PUBLISHING:
            return
        self._send_status("status", "NetStream.Unpublish.Success", "Stopped publishing.")
        self._state = _State.CLOSED
        events.append(Unpublished(name))

    def _require(self, state: _State) -> None:
        if self._state is not state:
            raise ProtocolError("that command does not fit here")

    def _acknowledge(self) -> None:
        if self._received - self._acknowledged >= self._window:
            self._acknowledged = self._received
            self._send(_CONTROL_STREAM, messages.acknowledgement(self._received))

    def _send_status(self, level: str, code: str, description: str) -> None:
        status = {"level": level, "code": code, "description": description}
        self._send_command(self._stream_id, "onStatus", 0, None, status)

    def _send_command(self, stream_id: int, *values: amf0.Encodable) -> None:
        payload = amf0.encode(*values)
        self._send(_COMMAND_STREAM, Message(MessageType.COMMAND, 0, stream_id, payload))

    def _send(self, chunk_stream: int, message: Message) -> None:
        self._out.append(write_message(message, chunk_stream, OUR_CHUNK_SIZE))
