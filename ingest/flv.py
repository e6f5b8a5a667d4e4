"""FLV: the tag format in which RTMP carries audio and video, read and written.

Sources: Adobe Flash Video File Format Specification 10.1, annex E; Veovera
Enhanced RTMP v2 for the extended headers that name a codec by four characters.
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import Final, NamedTuple

from ingest.errors import ProtocolError, UnsupportedMedia

_TAG_HEADER_SIZE = 11
_KEYFRAME = 1
_COMMAND_FRAME = 5
_AVC = 7
_AAC = 10
_EXTENDED_AUDIO = 9
#: An AV1 unit that says nothing, and has no place in ISO media files.
_TEMPORAL_DELIMITER = b"\x12\x00"
_EXTENDED_VIDEO: Final = frozenset((b"avc1", b"hvc1", b"av01"))

_VIDEO_CODECS: Final = {2: "H.263", 4: "VP6", 5: "VP6", 12: "HEVC", 13: "AV1"}
_AUDIO_CODECS: Final = {
    0: "PCM", 1: "ADPCM", 2: "MP3", 3: "PCM", 4: "Nellymoser", 5: "Nellymoser",
    6: "Nellymoser", 7: "G.711", 8: "G.711", 11: "Speex", 14: "MP3",
}  # fmt: skip
_FOUR_CHARACTER_CODECS: Final = {
    b"hvc1": "HEVC", b"av01": "AV1", b"vp08": "VP8", b"vp09": "VP9", b"vvc1": "VVC",
    b"Opus": "Opus", b"ac-3": "AC-3", b"ec-3": "E-AC-3", b"fLaC": "FLAC", b".mp3": "MP3",
}  # fmt: skip


class MediaKind(IntEnum):
    """What a tag carries, by FLV's (and RTMP's) own numbers."""

    AUDIO = 8
    VIDEO = 9
    METADATA = 18


class Packet(IntEnum):
    """What a media tag's body is to its codec."""

    CONFIG = 0
    FRAME = 1
    OTHER = 2


class VideoBody(NamedTuple):
    """A video tag's body: `data` are length-prefixed NAL units, or the codec's configuration.

    `composition_ms` is how much later than its timestamp the frame is shown, `codec` the four characters of its kind.
    """

    packet: Packet
    keyframe: bool
    composition_ms: int
    data: bytes
    codec: bytes = b"avc1"


class AudioBody(NamedTuple):
    """An audio tag's body: `data` is one raw AAC frame, or the AudioSpecificConfig."""

    packet: Packet
    data: bytes


class Tag(NamedTuple):
    """One tag of a file or an aggregate; `timestamp` is in milliseconds."""

    kind: MediaKind
    timestamp: int
    payload: bytes


def parse_video(payload: bytes) -> VideoBody:
    """Read a video tag's body; raises UnsupportedMedia for codecs other than H.264, HEVC and AV1."""
    if len(payload) < 5:
        return VideoBody(Packet.OTHER, False, 0, b"")
    if payload[0] & 0x80:
        return _parse_extended_video(payload)
    frame_type, codec = payload[0] >> 4, payload[0] & 0x0F
    if frame_type == _COMMAND_FRAME:
        return VideoBody(Packet.OTHER, False, 0, b"")
    if codec != _AVC:
        raise _unsupported("Video", _VIDEO_CODECS.get(codec, f"number {codec}"))
    packet = Packet(payload[1]) if payload[1] < 2 else Packet.OTHER
    return VideoBody(packet, frame_type == _KEYFRAME, _signed24(payload[2:5]), payload[5:])


def _parse_extended_video(payload: bytes) -> VideoBody:
    frame_type, packet_type, codec = (payload[0] >> 4) & 7, payload[0] & 0x0F, payload[1:5]
    if codec not in _EXTENDED_VIDEO:
        raise _unsupported("Video", _four_character_name(codec))
    keyframe, data = frame_type == _KEYFRAME, payload[5:]
    if packet_type == 0 and data:  # ffmpeg sends an empty one where the encoder has not told yet
        return VideoBody(Packet.CONFIG, keyframe, 0, data, codec)
    if packet_type == 1 and codec == b"av01":
        return VideoBody(Packet.FRAME, keyframe, 0, data.removeprefix(_TEMPORAL_DELIMITER), codec)
    if packet_type == 1 and len(data) >= 3:
        return VideoBody(Packet.FRAME, keyframe, _signed24(data[:3]), data[3:], codec)
    if packet_type == 3:
        return VideoBody(Packet.FRAME, keyframe, 0, data, codec)
    return VideoBody(Packet.OTHER, False, 0, b"", codec)


def parse_audio(payload: bytes) -> AudioBody:
    """Read an audio tag's body; raises UnsupportedMedia for codecs other than AAC."""
    if len(payload) < 2:
        return AudioBody(Packet.OTHER, b"")
    codec = payload[0] >> 4
    if codec == _EXTENDED_AUDIO:
        return _parse_extended_audio(payload)
    if codec != _AAC:
        raise _unsupported("Audio", _AUDIO_CODECS.get(codec, f"number {codec}"))
    return AudioBody(Packet(payload[1]) if payload[1] < 2 else Packet.OTHER, payload[2:])


def _parse_extended_audio(payload: bytes) -> AudioBody:
    packet_type = payload[0] & 0x0F
    if payload[1:5] != b"mp4a":
        raise _unsupported("Audio", _four_character_name(payload[1:5]))
    return AudioBody(Packet(packet_type) if packet_type < 2 else Packet.OTHER, payload[5:])


def file_header(video: bool, audio: bool) -> bytes:
    """Return what an FLV file begins with, up to its first tag."""
    return b"FLV\x01" + bytes((4 * audio + video,)) + b"\x00\x00\x00\x09" + bytes(4)


def write_tag(kind: MediaKind, timestamp: int, payload: bytes) -> bytes:
    """Return a whole tag with the size field that follows it; `timestamp` in milliseconds."""
    size = len(payload)
    return b"".join(
        (
            bytes((kind,)),
            size.to_bytes(3, "big"),
            (timestamp & 0xFFFFFF).to_bytes(3, "big"),
            bytes((timestamp >> 24 & 0xFF, 0, 0, 0)),
            payload,
            (size + _TAG_HEADER_SIZE).to_bytes(4, "big"),
        )
    )


def aggregated_tags(payload: bytes, timestamp: int) -> Iterator[Tag]:
    """Yield the audio and video tags of an RTMP aggregate message; raises ProtocolError.

    Times are moved so that the first tag has the message's (Adobe RTMP 1.0, 7.1.6).
    """
    position, shift = 0, None
    while position < len(payload):
        header = payload[position : position + _TAG_HEADER_SIZE]
        start = position + _TAG_HEADER_SIZE
        end = start + int.from_bytes(header[1:4], "big")
        if len(header) < _TAG_HEADER_SIZE or end > len(payload):
            raise ProtocolError("an aggregate message ends in the middle of a tag")
        time = header[7] << 24 | int.from_bytes(header[4:7], "big")
        if shift is None:
            shift = timestamp - time
        if header[0] in (MediaKind.AUDIO, MediaKind.VIDEO):
            yield Tag(MediaKind(header[0]), (time + shift) & 0xFFFFFFFF, payload[start:end])
        position = end + 4


def _signed24(data: bytes) -> int:
    return int.from_bytes(data, "big", signed=True)


def _four_character_name(code: bytes) -> str:
    return _FOUR_CHARACTER_CODECS.get(code, repr(code))


def _unsupported(what: str, codec: str) -> UnsupportedMedia:
    wanted = "H.264, HEVC or AV1" if what == "Video" else "AAC"
    return UnsupportedMedia(f"{what} in {codec} is not supported here; please send {wanted}.")
