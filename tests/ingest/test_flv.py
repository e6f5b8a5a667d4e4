import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import flv
from ingest.errors import IngestError, UnsupportedMedia
from ingest.flv import AudioBody, MediaKind, Packet, VideoBody
from tests.ingest import samples


def test_a_frame_tells_whether_it_is_a_keyframe_and_when_it_is_shown() -> None:
    assert flv.parse_video(samples.video(key=True, composition_ms=-40, data=b"nal")) == VideoBody(
        Packet.FRAME, True, -40, b"nal"
    )


def test_configurations_and_sound() -> None:
    assert flv.parse_video(samples.VIDEO_CONFIG) == VideoBody(Packet.CONFIG, True, 0, samples.AVC_360P)
    assert flv.parse_audio(samples.AUDIO_CONFIG) == AudioBody(Packet.CONFIG, samples.AAC_48000_STEREO)
    assert flv.parse_audio(samples.audio(b"x")) == AudioBody(Packet.FRAME, b"x")


def test_hevc_and_av1_are_told_by_their_four_characters() -> None:
    assert flv.parse_video(b"\x90hvc1cfg") == VideoBody(Packet.CONFIG, True, 0, b"cfg", b"hvc1")
    assert flv.parse_video(b"\x91hvc1\x00\x00\x21nal") == VideoBody(Packet.FRAME, True, 33, b"nal", b"hvc1")
    assert flv.parse_video(b"\xa3hvc1nal") == VideoBody(Packet.FRAME, False, 0, b"nal", b"hvc1")
    assert flv.parse_video(b"\x91av01\x12\x00unit") == VideoBody(Packet.FRAME, True, 0, b"unit", b"av01")
    assert flv.parse_video(b"\xa1av01unit") == VideoBody(Packet.FRAME, False, 0, b"unit", b"av01")
    assert flv.parse_video(b"\x90av01").packet is Packet.OTHER


def test_h264_and_aac_in_extended_headers_are_the_same() -> None:
    assert flv.parse_video(b"\x90avc1cfg") == VideoBody(Packet.CONFIG, True, 0, b"cfg")
    assert flv.parse_video(b"\x91avc1\x00\x00\x21nal") == VideoBody(Packet.FRAME, True, 33, b"nal")
    assert flv.parse_video(b"\xa3avc1nal") == VideoBody(Packet.FRAME, False, 0, b"nal")
    assert flv.parse_audio(b"\x91mp4aframe") == AudioBody(Packet.FRAME, b"frame")


@pytest.mark.parametrize(
    ("body", "codec"),
    [
        (b"\x90vp09....", "VP9"),
        (b"\x91vvc1....", "VVC"),
        (b"\x1c\x00\x00\x00\x00", "HEVC"),
        (b"\x12\x00\x00\x00\x00", "H.263"),
    ],
)
def test_other_pictures_are_refused_by_name(body: bytes, codec: str) -> None:
    with pytest.raises(
        UnsupportedMedia, match=f"Video in {codec} is not supported here; please send H.264, HEVC or AV1"
    ):
        flv.parse_video(body)


@pytest.mark.parametrize(("body", "codec"), [(b"\x2f\x00\x00", "MP3"), (b"\x90Opus..", "Opus"), (b"\xb2\0", "Speex")])
def test_other_sound_is_refused_by_name(body: bytes, codec: str) -> None:
    with pytest.raises(UnsupportedMedia, match=f"Audio in {codec}"):
        flv.parse_audio(body)


def test_empty_and_command_frames_mean_nothing() -> None:
    assert flv.parse_video(b"").packet is Packet.OTHER
    assert flv.parse_video(b"\x57\x00\x00\x00\x00").packet is Packet.OTHER
    assert flv.parse_audio(b"\xaf").packet is Packet.OTHER


def test_a_tag_carries_its_size_before_and_after() -> None:
    tag = flv.write_tag(MediaKind.AUDIO, 0x01020304, b"abc")
    assert tag == b"\x08\x00\x00\x03\x02\x03\x04\x01\x00\x00\x00abc\x00\x00\x00\x0e"
    assert flv.file_header(video=True, audio=False) == b"FLV\x01\x01\x00\x00\x00\x09\x00\x00\x00\x00"


@given(st.binary(max_size=100), st.integers(0, 2**32 - 1))
def test_garbage_raises_nothing_unexpected(garbage: bytes, time: int) -> None:
    for read in (flv.parse_video, flv.parse_audio, lambda data: list(flv.aggregated_tags(data, time))):
        try:
            read(garbage)
        except IngestError:
            continue
