import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import ProtocolError
from ingest.rtmp.chunks import ChunkReader, write_message
from ingest.rtmp.messages import Message, MessageType, set_chunk_size

MESSAGES = st.builds(
    Message,
    type=st.sampled_from([MessageType.AUDIO, MessageType.VIDEO, MessageType.DATA, MessageType.COMMAND]).map(int),
    timestamp=st.integers(0, 2**32 - 1) | st.sampled_from([0xFFFFFE, 0xFFFFFF, 0x1000000]),
    stream_id=st.integers(0, 2**32 - 1),
    payload=st.binary(max_size=300),
)


def read(*pieces: bytes, reader: ChunkReader | None = None) -> list[Message]:
    """Push the pieces one after another; return all messages."""
    reader = reader or ChunkReader(1 << 20)
    messages = []
    for piece in pieces:
        reader.push(piece)
        while (message := reader.next_message()) is not None:
            messages.append(message)
    return messages


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    ends = sorted({cut % (len(data) + 1) for cut in cuts} | {len(data)})
    starts = [0, *ends]
    return [data[start:end] for start, end in zip(starts, ends, strict=False)]


@given(
    st.lists(MESSAGES, max_size=4),
    st.integers(1, 70_000),
    st.lists(st.integers(0, 2000), max_size=12),
    st.integers(2, 63),
)
def test_messages_survive_any_chunk_size_and_any_split(
    messages: list[Message], chunk_size: int, cuts: list[int], stream: int
) -> None:
    wire = write_message(set_chunk_size(chunk_size), 2, 128)
    wire += b"".join(write_message(message, stream, chunk_size) for message in messages)
    assert read(*split(wire, cuts)) == messages


@given(st.lists(st.binary(max_size=200), max_size=10))
def test_garbage_never_raises_anything_but_a_protocol_error(pieces: list[bytes]) -> None:
    with contextlib.suppress(ProtocolError):
        read(*pieces, reader=ChunkReader(4096))


def chunk(form: int, time: int, *, length: int = 1, kind: int = 9, payload: bytes = b"x", stream: int = 4) -> bytes:
    """One chunk with a header of the given form; `time` is absolute for form 0, else a delta."""
    extended = struct.pack(">I", time) if time >= 0xFFFFFF and form < 3 else b""
    header = bytes((form << 6 | stream,))
    if form < 3:
        header += min(time, 0xFFFFFF).to_bytes(3, "big")
    if form < 2:
        header += length.to_bytes(3, "big") + bytes((kind,))
    if form == 0:
        header += struct.pack("<I", 1)
    return header + extended + payload


def times(*chunks: bytes) -> list[int]:
    return [message.timestamp for message in read(b"".join(chunks))]


def test_deltas_add_up() -> None:
    assert times(chunk(0, 1000), chunk(1, 40), chunk(2, 33), chunk(3, 0)) == [1000, 1040, 1073, 1106]


def test_a_type_3_header_after_an_absolute_time_repeats_that_time() -> None:
    assert times(chunk(0, 5000), chunk(3, 0)) == [5000, 5000]


def test_times_wrap_at_32_bits() -> None:
    assert times(chunk(0, 0xFFFFFFF0), chunk(1, 0x20)) == [0xFFFFFFF0, 0x10]


@pytest.mark.parametrize("repeated", [b"", struct.pack(">I", 0x01000000)], ids=["left out", "repeated"])
def test_the_extended_time_of_a_type_3_chunk_may_be_repeated_or_left_out(repeated: bytes) -> None:
    first = chunk(0, 0x01000000, length=200, payload=bytes(range(128)))
    rest = b"\xc4" + repeated + bytes(range(128, 200))
    for cut in range(len(rest)):
        assert [m.payload for m in read(first + rest[:cut], rest[cut:])] == [bytes(range(200))]


def test_interleaved_chunk_streams_keep_apart() -> None:
    video = write_message(Message(9, 10, 1, b"v" * 300), 6, 128)
    audio = write_message(Message(8, 11, 1, b"a" * 200), 4, 128)
    first, rest = video[:140], video[140:]
    assert [m.type for m in read(first + audio + rest)] == [8, 9]


def test_large_chunk_stream_numbers() -> None:
    body = bytes(3) + b"\x00\x00\x01" + b"\x09" + bytes(4) + b"x"
    assert len(read(b"\x00\x05" + body + b"\x01\x05\x02" + body)) == 2


def test_an_aborted_message_is_forgotten() -> None:
    begun = write_message(Message(9, 0, 1, b"v" * 300), 6, 128)[:140]
    abort = write_message(Message(2, 0, 0, struct.pack(">I", 6)), 2, 128)
    whole = write_message(Message(9, 5, 1, b"w"), 6, 128)
    assert [m.payload for m in read(begun + abort + whole)] == [b"w"]


def test_empty_messages_are_messages() -> None:
    assert read(write_message(Message(9, 0, 1, b""), 6, 128)) == [Message(9, 0, 1, b"")]


def test_a_message_that_is_too_large_is_refused_before_it_arrives() -> None:
    with pytest.raises(ProtocolError, match="too large"):
        read(chunk(0, 0, length=5000), reader=ChunkReader(4096))


def test_too_many_unfinished_messages_are_refused() -> None:
    begun = [write_message(Message(9, 0, 1, bytes(4000)), stream, 3000)[:3012] for stream in range(3, 60)]
    with pytest.raises(ProtocolError, match="unfinished"):
        read(write_message(set_chunk_size(3000), 2, 128), *begun, reader=ChunkReader(4096, 8192))


def test_too_many_chunk_streams_are_refused() -> None:
    chunks = b"".join(b"\x00" + bytes((n,)) + chunk(0, 0)[1:] for n in range(100))
    with pytest.raises(ProtocolError, match="chunk streams"):
        read(chunks)


@pytest.mark.parametrize("size", [0, 0x80000000])
def test_impossible_chunk_sizes_are_refused(size: int) -> None:
    with pytest.raises(ProtocolError):
        read(write_message(set_chunk_size(size), 2, 128))


def test_a_stream_cannot_begin_without_a_header() -> None:
    with pytest.raises(ProtocolError):
        read(b"\xc5x")
