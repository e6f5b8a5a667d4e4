"""AMF0 values to and from bytes: the language of RTMP's commands and metadata.

Source: Adobe AMF0 specification (amf0-file-format-specification). Decoding is
bounded in depth and in number of values, because it reads what strangers send.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias, Union

from ingest.errors import ProtocolError

Value: TypeAlias = Union[bool, float, str, "list[Value]", "dict[str, Value]", None]
Encodable: TypeAlias = Union[bool, int, float, str, "Sequence[Encodable]", "Mapping[str, Encodable]", None]

MAX_DEPTH: Final = 16
MAX_VALUES: Final = 2048

_DOUBLE = struct.Struct(">d")
_U16 = struct.Struct(">H")
_U32 = struct.Struct(">I")

_NUMBER, _BOOLEAN, _STRING, _OBJECT = 0x00, 0x01, 0x02, 0x03
_NULL, _UNDEFINED, _REFERENCE, _ECMA_ARRAY = 0x05, 0x06, 0x07, 0x08
_OBJECT_END, _STRICT_ARRAY, _DATE, _LONG_STRING = 0x09, 0x0A, 0x0B, 0x0C
_UNSUPPORTED, _XML, _TYPED_OBJECT = 0x0D, 0x0F, 0x10


def decode(data: bytes) -> list[Value]:
    """Return every value in `data`; raises ProtocolError.

    Dates become their milliseconds, typed objects and ECMA arrays plain dicts,
    references, undefined and unsupported None. An object without its end marker
    at the very end of the data is taken as it is: some encoders forget it.
    """
    reader = _Reader(data)
    values: list[Value] = []
    try:
        while reader.position < len(data):
            values.append(reader.value(depth=0))
    except (struct.error, IndexError) as cut_short:
        raise ProtocolError("AMF0 data end in the middle of a value") from cut_short
    return values


def encode(*values: Encodable) -> bytes:
    """Return the values as AMF0, one after another; raises TypeError for other types."""
    out = bytearray()
    for value in values:
        _write(out, value)
    return bytes(out)


def string_size(data: bytes) -> int:
    """Return how many bytes the string at the start of `data` takes, its marker included."""
    if len(data) < 3 or data[0] != _STRING:
        raise ProtocolError("a string was expected at the start of AMF0 data")
    return 3 + int.from_bytes(data[1:3], "big")


class _Reader:
    """A position in AMF0 data and what may still be read from it."""

    def __init__(self, data: bytes) -> None:
        self.position = 0
        self._data = data
        self._values_left = MAX_VALUES
        self._readers: dict[int, Callable[[int], Value]] = {
            _NUMBER: self._number,
            _BOOLEAN: self._boolean,
            _STRING: lambda _: self._text(_U16),
            _OBJECT: self._object,
            _NULL: lambda _: None,
            _UNDEFINED: lambda _: None,
            _REFERENCE: self._reference,
            _ECMA_ARRAY: self._ecma_array,
            _STRICT_ARRAY: self._strict_array,
            _DATE: self._date,
            _LONG_STRING: lambda _: self._text(_U32),
            _UNSUPPORTED: lambda _: None,
            _XML: lambda _: self._text(_U32),
            _TYPED_OBJECT: self._typed_object,
        }

    def value(self, depth: int) -> Value:
        self._values_left -= 1
        if depth > MAX_DEPTH or self._values_left < 0:
            raise ProtocolError("AMF0 data nest too deep or hold too many values")
        marker = self._data[self.position]
        self.position += 1
        read = self._readers.get(marker)
        if read is None:
            raise ProtocolError(f"unknown AMF0 marker {marker:#04x}")
        return read(depth)

    def _unpack(self, form: struct.Struct) -> int:
        (number,) = form.unpack_from(self._data, self.position)
        self.position += form.size
        return int(number)

    def _text(self, length_form: struct.Struct) -> str:
        size = self._unpack(length_form)
        end = self.position + size
        if end > len(self._data):
            raise ProtocolError("an AMF0 string is longer than its message")
        text = self._data[self.position : end].decode("utf-8", "replace")
        self.position = end
        return text

    def _number(self, _depth: int) -> float:
        (number,) = _DOUBLE.unpack_from(self._data, self.position)
        self.position += _DOUBLE.size
        return float(number)

    def _boolean(self, _depth: int) -> bool:
        self.position += 1
        return self._data[self.position - 1] != 0

    def _reference(self, _depth: int) -> None:
        self._unpack(_U16)

    def _date(self, depth: int) -> float:
        milliseconds = self._number(depth)
        self._unpack(_U16)  # the time zone, which the specification says to ignore
        return milliseconds

    def _ecma_array(self, depth: int) -> dict[str, Value]:
        self._unpack(_U32)  # the count is advisory; the end marker decides
        return self._object(depth)

    def _typed_object(self, depth: int) -> dict[str, Value]:
        self._text(_U16)
        return self._object(depth)

    def _object(self, depth: int) -> dict[str, Value]:
        fields: dict[str, Value] = {}
        while self.position < len(self._data):
            name = self._text(_U16)
            if not name and self._data[self.position] == _OBJECT_END:
                self.position += 1
                break
            fields[name] = self.value(depth + 1)
        return fields

    def _strict_array(self, depth: int) -> list[Value]:
        count = self._unpack(_U32)
        if count > self._values_left:
            raise ProtocolError("an AMF0 array holds too many values")
        return [self.value(depth + 1) for _ in range(count)]


def _write(out: bytearray, value: Encodable) -> None:
    if value is None:
        out.append(_NULL)
    elif isinstance(value, bool):
        out += bytes((_BOOLEAN, value))
    elif isinstance(value, (int, float)):
        out.append(_NUMBER)
        out += _DOUBLE.pack(value)
    elif isinstance(value, str):
        _write_text(out, value)
    elif isinstance(value, Mapping):
        out.append(_OBJECT)
        _write_fields(out, value)
    elif isinstance(value, Sequence):
        out.append(_STRICT_ARRAY)
        out += _U32.pack(len(value))
        for item in value:
            _write(out, item)
    else:
        raise TypeError(f"AMF0 has no form for {type(value).__name__}")


def _write_text(out: bytearray, text: str) -> None:
    encoded = text.encode()
    if len(encoded) < 1 << 16:
        out.append(_STRING)
        out += _U16.pack(len(encoded))
    else:
        out.append(_LONG_STRING)
        out += _U32.pack(len(encoded))
    out += encoded


def _write_fields(out: bytearray, fields: Mapping[str, Encodable]) -> None:
    for name, value in fields.items():
        encoded = name.encode()
        out += _U16.pack(len(encoded))
        out += encoded
        _write(out, value)
    out += b"\x00\x00" + bytes((_OBJECT_END,))
