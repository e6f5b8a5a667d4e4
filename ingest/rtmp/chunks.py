"""Messages to and from the interleaved chunks in which RTMP carries them.

Source: Adobe RTMP 1.0, section 5.3. Where encoders differ from it, the comments say so.
"""

import struct
from typing import Final

from ingest.errors import ProtocolError
from ingest.rtmp.messages import Message, MessageType, number

DEFAULT_CHUNK_SIZE: Final = 128
MAX_CHUNK_STREAMS: Final = 64
EXTENDED: Final = 0xFFFFFF

_U32 = struct.Struct(">I")
_U32_LITTLE = struct.Struct("<I")
_HEADER_SIZES: Final = (11, 7, 3, 0)


class _ChunkStream:
    """What the last header on one chunk stream said, and the message it is carrying."""

    __slots__ = ("delta", "extended", "length", "missing", "partial", "stream_id", "timestamp", "type")

    def __init__(self) -> None:
        self.timestamp = 0
        self.delta = 0
        self.length = 0
        self.type = 0
        self.stream_id = 0
        self.extended: int | None = None
        self.partial: bytearray | None = None
        self.missing = 0


class _Header:
    """One chunk's header as read, not yet applied to its stream."""

    __slots__ = ("extended", "format", "length", "stream_id", "time", "type")

    def __init__(self, form: int, stream: _ChunkStream) -> None:
        self.format = form
        self.time = stream.delta
        self.length = stream.length
        self.type = stream.type
        self.stream_id = stream.stream_id
        self.extended = stream.extended


class ChunkReader:
    """Take bytes in any pieces; give back whole messages, one at a time.

    Bounded: a message, the messages begun and not finished, and the number of
    chunk streams. `max_message` and `max_partial` (bytes) may be raised later.
    """

    def __init__(self, max_message: int, max_partial: int | None = None) -> None:
        self.max_message = max_message
        self.max_partial = max_partial or 2 * max_message
        self._chunk_size = DEFAULT_CHUNK_SIZE
        self._buffer = bytearray()
        self._streams: dict[int, _ChunkStream] = {}
        self._partial = 0

    def push(self, data: bytes) -> None:
        """Add bytes that arrived."""
        self._buffer += data

    def next_message(self) -> Message | None:
        """Return the next whole message, or None until more bytes come; raises ProtocolError.

        Chunk size and abort messages are obeyed here and not returned.
        """
        while (stream := self._next_chunk()) is not None:
            if stream.missing:
                continue
            message = self._finish(stream)
            if message.type == MessageType.SET_CHUNK_SIZE:
                self._set_chunk_size(number(message.payload))
            elif message.type == MessageType.ABORT:
                self._abort(number(message.payload))
            else:
                return message
        return None

    def _next_chunk(self) -> _ChunkStream | None:
        """Consume one chunk and return its stream, or None if it is not all there."""
        found = self._basic_header()
        if found is None:
            return None
        form, stream_number, position = found
        stream = self._stream(stream_number, form)
        if form == 3 and stream.partial is not None:
            return self._continue(stream, position)
        header = _Header(form, stream)
        start = self._message_header(header, stream, position)
        if start is None:
            return None
        if header.length > self.max_message:
            raise ProtocolError(f"a message of {header.length} bytes is too large")
        end = start + min(header.length, self._chunk_size)
        if end > len(self._buffer):
            return None
        self._begin(stream, header)
        self._append(stream, start, end)
        self._streams[stream_number] = stream
        return stream

    def _continue(self, stream: _ChunkStream, position: int) -> _ChunkStream | None:
        start = self._skip_repeated_timestamp(stream, position)
        if start is None:
            return None
        end = start + min(stream.missing, self._chunk_size)
        if end > len(self._buffer):
            return None
        self._append(stream, start, end)
        return stream

    def _basic_header(self) -> tuple[int, int, int] | None:
        """Return format, chunk stream number and the position after them."""
        buffer = self._buffer
        if not buffer:
            return None
        form, small = buffer[0] >> 6, buffer[0] & 0x3F
        if small > 1:
            return form, small, 1
        if len(buffer) < 2 + small:
            return None
        if small == 0:
            return form, 64 + buffer[1], 2
        return form, 64 + buffer[1] + (buffer[2] << 8), 3

    def _stream(self, stream_number: int, form: int) -> _ChunkStream:
        stream = self._streams.get(stream_number)
        if stream is not None:
            return stream
        if form == 3:
            raise ProtocolError("a chunk stream begins without a header")
        if len(self._streams) >= MAX_CHUNK_STREAMS:
            raise ProtocolError("too many chunk streams")
        return _ChunkStream()

    def _message_header(self, header: _Header, stream: _ChunkStream, start: int) -> int | None:
        """Fill `header`; return the position after it, or None if it is not all there."""
        buffer = self._buffer
        if header.format == 3:
            return self._skip_repeated_timestamp(stream, start)
        end = start + _HEADER_SIZES[header.format]
        if end > len(buffer):
            return None
        header.time = int.from_bytes(buffer[start : start + 3], "big")
        header.extended = None
        if header.format < 2:
            header.length = int.from_bytes(buffer[start + 3 : start + 6], "big")
            header.type = buffer[start + 6]
        if header.format == 0:
            header.stream_id = _U32_LITTLE.unpack_from(buffer, start + 7)[0]
        if header.time != EXTENDED:
            return end
        if end + 4 > len(buffer):
            return None
        header.time = header.extended = _U32.unpack_from(buffer, end)[0]
        return end + 4

    def _skip_repeated_timestamp(self, stream: _ChunkStream, position: int) -> int | None:
        """Step over the extended timestamp of a type 3 chunk if the sender repeats it.

        The specification says it is there; some encoders leave it out, and some
        repeat the absolute time where the header had a delta. So we look.
        """
        if stream.extended is None:
            return position
        seen = bytes(self._buffer[position : position + 4])
        expected = (_U32.pack(stream.extended), _U32.pack(stream.timestamp))
        if seen in expected:
            return position + 4
        undecided = len(seen) < 4 and any(whole.startswith(seen) for whole in expected)
        return None if undecided else position

    def _begin(self, stream: _ChunkStream, header: _Header) -> None:
        """Start a message; one that was under way on this chunk stream is abandoned."""
        self._drop_partial(stream)
        if header.format == 0:
            # A type 3 header after this repeats the same time: librtmp (OBS) sends
            # it for equal timestamps, though the text would have it add them up.
            stream.timestamp, stream.delta = header.time, 0
        else:
            stream.delta = header.time
            stream.timestamp = (stream.timestamp + header.time) & 0xFFFFFFFF
        stream.length = stream.missing = header.length
        stream.type = header.type
        stream.stream_id = header.stream_id
        stream.extended = header.extended
        stream.partial = bytearray()

    def _append(self, stream: _ChunkStream, start: int, end: int) -> None:
        assert stream.partial is not None
        stream.partial += self._buffer[start:end]
        del self._buffer[:end]
        stream.missing -= end - start
        self._partial += end - start
        if self._partial > self.max_partial:
            raise ProtocolError("too many unfinished messages")

    def _finish(self, stream: _ChunkStream) -> Message:
        payload = bytes(stream.partial or b"")
        self._drop_partial(stream)
        return Message(stream.type, stream.timestamp, stream.stream_id, payload)

    def _drop_partial(self, stream: _ChunkStream) -> None:
        if stream.partial is not None:
            self._partial -= stream.length - stream.missing
            stream.partial = None

    def _set_chunk_size(self, size: int) -> None:
        # The top bit must be zero; a chunk never exceeds its message, so no upper bound is needed.
        if not 1 <= size <= 0x7FFFFFFF:
            raise ProtocolError(f"chunk size {size} is out of range")
        self._chunk_size = size

    def _abort(self, stream_number: int) -> None:
        if stream_number in self._streams:
            self._drop_partial(self._streams[stream_number])


def write_message(message: Message, chunk_stream: int, chunk_size: int) -> bytes:
    """Return a message as chunks: one full header, then type 3 headers.

    `chunk_stream` is 2 to 63; `chunk_size` is in bytes.
    """
    payload = message.payload
    extended = _U32.pack(message.timestamp) if message.timestamp >= EXTENDED else b""
    header = b"".join(
        (
            bytes((chunk_stream,)),
            min(message.timestamp, EXTENDED).to_bytes(3, "big"),
            len(payload).to_bytes(3, "big"),
            bytes((message.type,)),
            _U32_LITTLE.pack(message.stream_id),
            extended,
        )
    )
    continued = bytes((0xC0 | chunk_stream,)) + extended
    pieces = [payload[i : i + chunk_size] for i in range(0, len(payload), chunk_size)]
    return header + continued.join(pieces)
