import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import ProtocolError
from ingest.rtmp import amf0

VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1, max_size=8).filter(bool), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(st.lists(VALUES, max_size=5))
def test_what_is_written_can_be_read(values: list[amf0.Value]) -> None:
    assert amf0.decode(amf0.encode(*values)) == values


@given(st.binary(max_size=300))
def test_garbage_is_a_protocol_error_or_values(garbage: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        amf0.decode(garbage)


@given(st.lists(VALUES, min_size=1, max_size=3), st.data())
def test_data_cut_short_never_raise_anything_else(values: list[amf0.Value], data: st.DataObject) -> None:
    encoded = amf0.encode(*values)
    size = data.draw(st.integers(0, len(encoded)))
    with contextlib.suppress(ProtocolError):
        amf0.decode(encoded[:size])


def test_an_object_without_its_end_is_taken_as_it_is() -> None:
    assert amf0.decode(amf0.encode({"app": "live"})[:-3]) == [{"app": "live"}]


def test_ecma_arrays_dates_and_typed_objects_become_plain_values() -> None:
    body = b"\x00\x01a" + amf0.encode(1.0) + b"\x00\x00\x09"
    array = b"\x08\x00\x00\x00\x63" + body
    date = b"\x0b" + struct.pack(">d", 1500.0) + b"\x00\x00"
    typed = b"\x10\x00\x03Foo" + body
    assert amf0.decode(array + date + typed) == [{"a": 1.0}, 1500.0, {"a": 1.0}]


def test_a_long_string_survives() -> None:
    assert amf0.decode(amf0.encode("x" * 70_000)) == ["x" * 70_000]


@pytest.mark.parametrize(
    "hostile",
    [
        b"\x03\x00\x01a" * 40,
        b"\x0a\x00\x00\x00\x01" * 40,
        b"\x0a\xff\xff\xff\xff",
        b"\x05" * 5000,
        b"\x02\xff\xffshort",
        b"\x63",
    ],
    ids=["deep objects", "deep arrays", "huge array", "many values", "long string", "unknown marker"],
)
def test_hostile_data_are_refused(hostile: bytes) -> None:
    with pytest.raises(ProtocolError):
        amf0.decode(hostile)


def test_only_known_types_are_written() -> None:
    with pytest.raises(TypeError):
        amf0.encode(object())  # type: ignore[arg-type]
