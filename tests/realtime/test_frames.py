"""Frames found by hand are the frames that the library makes, however they are cut."""

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from realtime.frames import frame_end, is_whole_text, text_frame, unmasked_payload

payloads = st.one_of(st.binary(max_size=300), st.integers(65000, 66000).map(lambda size: b"x" * size))


@given(st.lists(payloads, max_size=4), st.binary(max_size=20))
def test_masked_texts_are_found_and_read_as_the_library_made_them(said: list[bytes], before: bytes) -> None:
    frames = [Frame(Opcode.TEXT, payload).serialize(mask=True) for payload in said]
    data, start = before + b"".join(frames), len(before)
    for frame, payload in zip(frames, said, strict=True):
        end = frame_end(data, start)
        assert end == start + len(frame)
        assert is_whole_text(data, start)
        assert unmasked_payload(data, start, end) == payload
        start = end
    assert frame_end(data, start) is None


@given(payloads, st.integers(0, 13))
def test_a_head_that_is_cut_says_nothing_and_a_whole_one_the_end(payload: bytes, cut: int) -> None:
    frame = Frame(Opcode.TEXT, payload).serialize(mask=True)
    assert frame_end(frame[:cut], 0) in (None, len(frame))
    assert frame_end(frame[:14], 0) == len(frame)


def test_nothing_else_is_a_whole_text() -> None:
    others = [
        Frame(Opcode.TEXT, b"part", fin=False).serialize(mask=True),
        Frame(Opcode.CONT, b"rest").serialize(mask=True),
        Frame(Opcode.BINARY, b"\x00").serialize(mask=True),
        Frame(Opcode.PING, b"").serialize(mask=True),
        b"\xc1" + Frame(Opcode.TEXT, b"compressed").serialize(mask=True)[1:],
        Frame(Opcode.TEXT, b"not masked").serialize(mask=False),
    ]
    assert not any(is_whole_text(frame, 0) for frame in others)


@given(payloads)
def test_a_server_s_frame_is_the_library_s(payload: bytes) -> None:
    assert text_frame(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)
