"""What HEVC's configuration says of a picture: its size and its codec string.

Sources: ISO/IEC 14496-15, 8.3.3.1 (the configuration record) and annex E.3 (the codec string);
ITU-T H.265, 7.3.2.2 and 7.3.3 (the sequence parameter set).
"""

from typing import Final

from ingest.bits import BitReader
from ingest.errors import ProtocolError
from ingest.video import VideoConfig, checked

_SEQUENCE_PARAMETERS: Final = 33
_ARRAYS_AT: Final = 22
_PROFILE_BITS: Final = 88


def parse_config(record: bytes) -> VideoConfig:
    """Read an HEVCDecoderConfigurationRecord; raises ProtocolError."""
    if len(record) < _ARRAYS_AT + 1 or record[0] != 1:
        raise ProtocolError("the HEVC configuration is malformed")
    if record[21] & 3 != 3:
        raise ProtocolError("HEVC frames must have lengths of four bytes")
    width, height = _parse_sequence_parameters(_unit(record, _SEQUENCE_PARAMETERS))
    return checked(VideoConfig(record, width, height, None, _codec(record), "hevc", b"hvc1", b"hvcC"))


def _unit(record: bytes, wanted: int) -> bytes:
    """The first NAL unit of a kind, without its header."""
    position = _ARRAYS_AT + 1
    for _ in range(record[_ARRAYS_AT]):
        kind, count = record[position : position + 1], int.from_bytes(record[position + 1 : position + 3], "big")
        position += 3
        for _ in range(count):
            size = int.from_bytes(record[position : position + 2], "big")
            unit = record[position + 2 : position + 2 + size]
            if kind and kind[0] & 0x3F == wanted:
                return unit[2:]
            position += 2 + size
            if position > len(record):
                raise ProtocolError("the HEVC configuration is cut short")
    raise ProtocolError("the HEVC configuration says nothing of the picture")


def _parse_sequence_parameters(unit: bytes) -> tuple[int, int]:
    bits = BitReader(unit.replace(b"\x00\x00\x03", b"\x00\x00"))
    bits.bits(4)  # sps_video_parameter_set_id
    layers = bits.bits(3)
    bits.bits(1)  # sps_temporal_id_nesting_flag
    _skip_profile(bits, layers)
    bits.unsigned()  # sps_seq_parameter_set_id
    chroma = bits.unsigned()
    if chroma == 3:
        bits.bits(1)  # separate_colour_plane_flag
    width, height = bits.unsigned(), bits.unsigned()
    if bits.flag():
        left, right, top, bottom = (bits.unsigned() for _ in range(4))
        width -= (2 if chroma in (1, 2) else 1) * (left + right)
        height -= (2 if chroma == 1 else 1) * (top + bottom)
    return width, height


def _skip_profile(bits: BitReader, layers: int) -> None:
    bits.bits(_PROFILE_BITS + 8)  # the general profile and level
    present = [(bits.flag(), bits.flag()) for _ in range(layers)]
    if layers:
        bits.bits(2 * (8 - layers))
    for has_profile, has_level in present:
        bits.bits(_PROFILE_BITS * has_profile + 8 * has_level)


def _codec(record: bytes) -> str:
    space, tier, profile = record[1] >> 6, record[1] >> 5 & 1, record[1] & 0x1F
    compatible = int(f"{int.from_bytes(record[2:6], 'big'):032b}"[::-1], 2)
    constraints = record[6:12].rstrip(b"\x00")
    words = [
        f"{' ABC'[space].strip()}{profile}",
        f"{compatible:X}",
        f"{'LH'[tier]}{record[12]}",
        *(f"{byte:X}" for byte in constraints),
    ]
    return f"hvc1.{'.'.join(words)}"
