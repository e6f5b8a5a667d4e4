"""What AV1's configuration says of a picture: its size and its codec string.

Sources: AV1 Codec ISO Media File Format Binding, 2.3 (av1C) and 5 (the codec string);
AV1 Bitstream & Decoding Process Specification, 5.3 and 5.5 (the sequence header).
"""

from typing import Final

from ingest.bits import BitReader
from ingest.errors import ProtocolError
from ingest.video import VideoConfig, checked

_SEQUENCE_HEADER: Final = 1


def parse_config(record: bytes) -> VideoConfig:
    """Read an AV1CodecConfigurationRecord; raises ProtocolError."""
    if len(record) < 4 or record[0] != 0x81:
        raise ProtocolError("the AV1 configuration is malformed")
    width, height = _parse_sequence_header(BitReader(_header(record[4:])))
    return checked(VideoConfig(record, width, height, None, _codec(record), "av1", b"av01", b"av1C"))


def _codec(record: bytes) -> str:
    profile, level, more = record[1] >> 5, record[1] & 0x1F, record[2]
    high, twelve = more >> 6 & 1, more >> 5 & 1
    depth = 12 if twelve else 10 if high else 8
    return f"av01.{profile}.{level:02d}{'MH'[more >> 7]}.{depth:02d}"


def _header(units: bytes) -> bytes:
    """The sequence header among the configuration's open bitstream units."""
    while units:
        kind, has_extension, has_size = units[0] >> 3 & 15, units[0] >> 2 & 1, units[0] >> 1 & 1
        start, size = 1 + has_extension, len(units)
        if has_size:
            size, start = _leb128(units, start)
        if kind == _SEQUENCE_HEADER:
            return units[start : start + size]
        units = units[start + size :]
    raise ProtocolError("the AV1 configuration says nothing of the picture")


def _leb128(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(data[position : position + 8]):
        value |= (byte & 0x7F) << 7 * index
        if not byte & 0x80:
            return value, position + index + 1
    raise ProtocolError("a size in the AV1 configuration is malformed")


def _parse_sequence_header(bits: BitReader) -> tuple[int, int]:
    bits.bits(4)  # seq_profile, still_picture
    if bits.flag():  # reduced_still_picture_header
        bits.bits(5)
    else:
        _skip_timing_and_operating_points(bits)
    width_bits, height_bits = bits.bits(4) + 1, bits.bits(4) + 1
    return bits.bits(width_bits) + 1, bits.bits(height_bits) + 1


def _skip_timing_and_operating_points(bits: BitReader) -> None:
    delay_bits: int | None = None
    if bits.flag():  # timing_info_present_flag
        bits.bits(64)
        if bits.flag():  # equal_picture_interval
            bits.unsigned()
        if bits.flag():  # decoder_model_info_present_flag
            delay_bits = bits.bits(5) + 1
            bits.bits(42)
    has_display_delay = bits.flag()
    for _ in range(bits.bits(5) + 1):
        bits.bits(12)
        if bits.bits(5) > 7:
            bits.bits(1)  # seq_tier
        if delay_bits is not None and bits.flag():
            bits.bits(2 * delay_bits + 1)
        if has_display_delay and bits.flag():
            bits.bits(4)
