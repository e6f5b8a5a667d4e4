import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import aac, h264
from ingest.errors import ProtocolError
from tests.ingest import samples


@pytest.mark.parametrize(
    ("record", "width", "height", "codec"),
    [
        (samples.AVC_1080P, 1920, 1080, "avc1.640028"),
        (samples.AVC_360P, 640, 360, "avc1.42c01e"),
        (samples.AVC_444, 256, 144, "avc1.f4000c"),
        (samples.AVC_INTERLACED, 320, 240, "avc1.640015"),
    ],
    ids=["cropped", "baseline", "4:4:4", "interlaced"],
)
def test_h264_tells_its_size_rate_and_codec(record: bytes, width: int, height: int, codec: str) -> None:
    assert h264.parse_config(record) == h264.VideoConfig(record, width, height, 30.0, codec)


@pytest.mark.parametrize(
    ("record", "rate", "channels"),
    [(samples.AAC_44100_MONO, 44100, 1), (samples.AAC_48000_STEREO, 48000, 2), (b"\x17\x80\x17\x70\x10", 12000, 2)],
)
def test_aac_tells_its_rate_and_channels(record: bytes, rate: int, channels: int) -> None:
    assert aac.parse_config(record) == aac.AudioConfig(record, rate, channels, "mp4a.40.2")


@given(st.binary(max_size=80))
def test_garbage_is_a_protocol_error(garbage: bytes) -> None:
    for parse in (h264.parse_config, aac.parse_config):
        try:
            parse(garbage)
        except ProtocolError:
            continue


@given(st.integers(0, len(samples.AVC_1080P) - 1), st.integers(0, 255))
def test_a_damaged_configuration_raises_nothing_else(position: int, value: int) -> None:
    damaged = bytearray(samples.AVC_1080P)
    damaged[position] = value
    try:
        h264.parse_config(bytes(damaged))
    except ProtocolError:
        return
