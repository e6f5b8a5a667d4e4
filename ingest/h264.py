"""What H.264's configuration says of a picture: its size, its rate and its codec string.

Sources: ISO/IEC 14496-15, 5.3.3.1 (the configuration record); ITU-T H.264,
7.3.2.1.1 and annex E (the sequence parameter set); RFC 6381 (the codec string).
"""

from typing import Final

from ingest.bits import BitReader
from ingest.errors import ProtocolError
from ingest.video import VideoConfig, checked

_PROFILES_WITH_CHROMA: Final = frozenset((44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244))
_EXTENDED_ASPECT: Final = 255
#: ITU-T H.264, annex A.2.
_UNCOMMON_PROFILES: Final = {
    "avc1.2c": "CAVLC 4:4:4",
    "avc1.6e": "High 10",
    "avc1.7a": "High 4:2:2",
    "avc1.f4": "High 4:4:4",
}


def uncommon_profile(codec: str) -> str | None:
    """The name of an H.264 codec string's profile where browsers and television sets do not decode it."""
    return _UNCOMMON_PROFILES.get(codec[:7])


def parse_config(record: bytes) -> VideoConfig:
    """Read an AVCDecoderConfigurationRecord; raises ProtocolError."""
    if len(record) < 8 or record[0] != 1 or not record[5] & 0x1F:
        raise ProtocolError("the H.264 configuration is malformed")
    if record[4] & 3 != 3:
        raise ProtocolError("H.264 frames must have lengths of four bytes")
    size = int.from_bytes(record[6:8], "big")
    width, height, fps = _parse_sequence_parameters(record[8 : 8 + size])
    codec = f"avc1.{record[1:4].hex()}"
    profile = uncommon_profile(codec)
    return checked(VideoConfig(record, width, height, fps, codec, f"h264 {profile}" if profile else "h264"))


def _parse_sequence_parameters(unit: bytes) -> tuple[int, int, float | None]:
    bits = BitReader(unit[1:].replace(b"\x00\x00\x03", b"\x00\x00"))
    profile = bits.bits(8)
    bits.bits(16)  # constraint flags and level
    bits.unsigned()  # seq_parameter_set_id
    chroma = _chroma_format(bits) if profile in _PROFILES_WITH_CHROMA else 1
    bits.unsigned()  # log2_max_frame_num_minus4
    _skip_picture_order(bits)
    bits.unsigned()  # max_num_ref_frames
    bits.bits(1)  # gaps_in_frame_num_value_allowed_flag
    width, height = _picture_size(bits, chroma)
    return width, height, _frame_rate(bits) if bits.flag() else None


def _chroma_format(bits: BitReader) -> int:
    chroma = bits.unsigned()
    if chroma == 3:
        bits.bits(1)  # separate_colour_plane_flag
    bits.unsigned()  # bit_depth_luma_minus8
    bits.unsigned()  # bit_depth_chroma_minus8
    bits.bits(1)  # qpprime_y_zero_transform_bypass_flag
    if bits.flag():
        for index in range(12 if chroma == 3 else 8):
            if bits.flag():
                _skip_scaling_list(bits, 16 if index < 6 else 64)
    return chroma


def _skip_scaling_list(bits: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def _skip_picture_order(bits: BitReader) -> None:
    kind = bits.unsigned()
    if kind == 0:
        bits.unsigned()  # log2_max_pic_order_cnt_lsb_minus4
    elif kind == 1:
        bits.bits(1)  # delta_pic_order_always_zero_flag
        bits.signed()
        bits.signed()
        for _ in range(min(bits.unsigned(), 255)):
            bits.signed()


def _picture_size(bits: BitReader, chroma: int) -> tuple[int, int]:
    width, map_units = bits.unsigned() + 1, bits.unsigned() + 1
    frames_only = bits.flag()
    if not frames_only:
        bits.bits(1)  # mb_adaptive_frame_field_flag
    bits.bits(1)  # direct_8x8_inference_flag
    left, right, top, bottom = _cropping(bits)
    rows = 1 if frames_only else 2
    crop_x = 2 if chroma in (1, 2) else 1
    crop_y = (2 if chroma == 1 else 1) * rows
    return (
        16 * width - crop_x * (left + right),
        16 * map_units * rows - crop_y * (top + bottom),
    )


def _cropping(bits: BitReader) -> tuple[int, int, int, int]:
    if not bits.flag():
        return 0, 0, 0, 0
    return bits.unsigned(), bits.unsigned(), bits.unsigned(), bits.unsigned()


def _frame_rate(bits: BitReader) -> float | None:
    """Read the usability information as far as its timing (annex E.1.1)."""
    if bits.flag() and bits.bits(8) == _EXTENDED_ASPECT:
        bits.bits(32)
    if bits.flag():
        bits.bits(1)  # overscan_appropriate_flag
    if bits.flag():
        bits.bits(4)  # video_format, video_full_range_flag
        if bits.flag():
            bits.bits(24)  # colour description
    if bits.flag():
        bits.unsigned()
        bits.unsigned()
    if not bits.flag():
        return None
    units_in_tick, time_scale = bits.bits(32), bits.bits(32)
    return time_scale / (2 * units_in_tick) if units_in_tick else None
