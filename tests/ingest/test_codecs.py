from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import aac, av1, h264, hevc
from ingest.errors import ProtocolError
from ingest.video import VideoConfig
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
    name = "h264 High 4:4:4" if record == samples.AVC_444 else "h264"
    assert h264.parse_config(record) == VideoConfig(record, width, height, 30.0, codec, name)


@pytest.mark.parametrize(
    ("record", "codec"),
    [(samples.HEVC_MAIN, "hvc1.1.6.L63.90"), (samples.HEVC_422, "hvc1.4.10.L63.9D.8")],
    ids=["main", "4:2:2 in two layers"],
)
def test_hevc_tells_its_size_and_codec(record: bytes, codec: str) -> None:
    assert hevc.parse_config(record) == VideoConfig(record, 638, 358, None, codec, "hevc", b"hvc1", b"hvcC")


@pytest.mark.parametrize(
    ("record", "codec"), [(samples.AV1_MAIN, "av01.0.01M.08"), (samples.AV1_10_BIT, "av01.0.01M.10")]
)
def test_av1_tells_its_size_and_codec(record: bytes, codec: str) -> None:
    assert av1.parse_config(record) == VideoConfig(record, 638, 358, None, codec, "av1", b"av01", b"av1C")


@pytest.mark.parametrize("record", [samples.HEVC_MAIN[:-60], samples.HEVC_MAIN[:23], samples.AV1_MAIN[:4], b""])
def test_a_configuration_that_is_cut_short_is_a_protocol_error(record: bytes) -> None:
    for parse in (hevc.parse_config, av1.parse_config):
        with pytest.raises(ProtocolError):
            parse(record)


@pytest.mark.parametrize(
    ("record", "rate", "channels"),
    [(samples.AAC_44100_MONO, 44100, 1), (samples.AAC_48000_STEREO, 48000, 2), (b"\x17\x80\x17\x70\x10", 12000, 2)],
)
def test_aac_tells_its_rate_and_channels(record: bytes, rate: int, channels: int) -> None:
    assert aac.parse_config(record) == aac.AudioConfig(record, rate, channels, "mp4a.40.2")


@given(st.binary(max_size=80))
def test_garbage_is_a_protocol_error(garbage: bytes) -> None:
    for parse in (h264.parse_config, hevc.parse_config, av1.parse_config, aac.parse_config):
        try:
            parse(garbage)
        except ProtocolError:
            continue


@pytest.mark.parametrize(
    ("parse", "record"),
    [
        (h264.parse_config, samples.AVC_1080P),
        (hevc.parse_config, samples.HEVC_MAIN),
        (hevc.parse_config, samples.HEVC_422),
        (av1.parse_config, samples.AV1_MAIN),
    ],
    ids=["h264", "hevc", "hevc in layers", "av1"],
)
@given(position=st.integers(0, 200), value=st.integers(0, 255))
def test_a_damaged_configuration_raises_nothing_else(
    parse: Callable[[bytes], VideoConfig], record: bytes, position: int, value: int
) -> None:
    damaged = bytearray(record)
    damaged[position % len(record)] = value
    try:
        parse(bytes(damaged))
    except ProtocolError:
        return
