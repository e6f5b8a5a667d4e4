"""CMAF as bytes: the initialisation segment and the fragments of a picture and of AAC.

Sources: ISO/IEC 14496-12 (the boxes), 14496-14 and 14496-1 (mp4a, esds),
14496-15 (avc1, hvc1), AV1's binding to them (av01), 23000-19 (what CMAF asks of them).
"""

import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

from ingest.aac import AudioConfig
from ingest.video import VideoConfig

VIDEO_TRACK: Final = 1
AUDIO_TRACK: Final = 2
VIDEO_TIMESCALE: Final = 90_000

_U32 = struct.Struct(">I")
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_UNDETERMINED_LANGUAGE = 0x55C4
_SYNC_SAMPLE, _OTHER_SAMPLE = 0x02000000, 0x01010000
_BASE_IS_MOOF = 0x020000
_OFFSET_AND_ALL_SAMPLE_FIELDS = 0x000F01
_SAMPLE = struct.Struct(">IIIi")


class Sample(NamedTuple):
    """One frame; `duration` and `composition` in ticks of its track's timescale."""

    duration: int
    composition: int
    keyframe: bool
    data: bytes


class Run(NamedTuple):
    """Consecutive samples of one track; `decode_time` in ticks."""

    track: int
    decode_time: int
    samples: Sequence[Sample]


def init_segment(video: VideoConfig | None, audio: AudioConfig | None) -> bytes:
    """Return ftyp and moov for one or both tracks."""
    tracks, defaults = [], []
    if video is not None:
        tracks.append(_video_track(video))
        defaults.append(_track_defaults(VIDEO_TRACK))
    if audio is not None:
        tracks.append(_audio_track(audio))
        defaults.append(_track_defaults(AUDIO_TRACK))
    brands = _box(b"ftyp", b"iso6", bytes(4), b"iso6cmfcmp41")
    return brands + _box(b"moov", _movie_header(), *tracks, _box(b"mvex", *defaults))


def fragment(number: int, runs: Sequence[Run]) -> bytes:
    """Return moof and mdat; `number` rises by one with every fragment of a rendition."""
    size = len(_movie_fragment(number, runs, [0] * len(runs)))
    offsets: list[int] = []
    payload: list[bytes] = []
    position = size + 8
    for run in runs:
        offsets.append(position)
        payload.extend(sample.data for sample in run.samples)
        position += sum(len(sample.data) for sample in run.samples)
    return _movie_fragment(number, runs, offsets) + _box(b"mdat", *payload)


def _movie_fragment(number: int, runs: Sequence[Run], offsets: Sequence[int]) -> bytes:
    header = _full_box(b"mfhd", 0, 0, _U32.pack(number))
    tracks = [_track_fragment(run, offset) for run, offset in zip(runs, offsets, strict=True)]
    return _box(b"moof", header, *tracks)


def _track_fragment(run: Run, offset: int) -> bytes:
    samples = b"".join(
        _SAMPLE.pack(s.duration, len(s.data), _SYNC_SAMPLE if s.keyframe else _OTHER_SAMPLE, s.composition)
        for s in run.samples
    )
    return _box(
        b"traf",
        _full_box(b"tfhd", 0, _BASE_IS_MOOF, _U32.pack(run.track)),
        _full_box(b"tfdt", 1, 0, struct.pack(">Q", run.decode_time)),
        _full_box(b"trun", 1, _OFFSET_AND_ALL_SAMPLE_FIELDS, struct.pack(">Ii", len(run.samples), offset), samples),
    )


def _video_track(video: VideoConfig) -> bytes:
    entry = _box(
        video.entry,
        bytes(6) + b"\x00\x01" + bytes(16),
        struct.pack(">HHIII", video.width, video.height, 0x480000, 0x480000, 0),
        b"\x00\x01" + bytes(32) + b"\x00\x18\xff\xff",
        _box(video.box, video.record),
    )
    media_header = _full_box(b"vmhd", 0, 1, bytes(8))
    header = _track_header(VIDEO_TRACK, 0, video.width, video.height)
    return _box(b"trak", header, _media(VIDEO_TIMESCALE, b"vide", media_header, entry))


def _audio_track(audio: AudioConfig) -> bytes:
    rate = audio.rate << 16 if audio.rate < 1 << 16 else 0
    entry = _box(
        b"mp4a",
        bytes(6) + b"\x00\x01" + bytes(8),
        struct.pack(">HHII", audio.channels, 16, 0, rate),
        _full_box(b"esds", 0, 0, _elementary_stream(audio.record)),
    )
    media_header = _full_box(b"smhd", 0, 0, bytes(4))
    header = _track_header(AUDIO_TRACK, 0x0100, 0, 0)
    return _box(b"trak", header, _media(audio.rate, b"soun", media_header, entry))


def _elementary_stream(record: bytes) -> bytes:
    """Wrap an AudioSpecificConfig in the descriptors of ISO/IEC 14496-1, 7.2.6."""
    decoder = b"\x40\x15" + bytes(11) + _descriptor(5, record)
    return _descriptor(3, bytes(3) + _descriptor(4, decoder) + _descriptor(6, b"\x02"))


def _descriptor(tag: int, body: bytes) -> bytes:
    return bytes((tag, 0x80, 0x80, 0x80, len(body))) + body


def _media(timescale: int, handler: bytes, media_header: bytes, entry: bytes) -> bytes:
    return _box(
        b"mdia",
        _full_box(b"mdhd", 0, 0, struct.pack(">4IHH", 0, 0, timescale, 0, _UNDETERMINED_LANGUAGE, 0)),
        _full_box(b"hdlr", 0, 0, bytes(4), handler, bytes(12), b"AstroTV\x00"),
        _box(b"minf", media_header, _data_information(), _sample_table(entry)),
    )


def _data_information() -> bytes:
    here = _full_box(b"url ", 0, 1)
    return _box(b"dinf", _full_box(b"dref", 0, 0, _U32.pack(1), here))


def _sample_table(entry: bytes) -> bytes:
    empty = [_full_box(kind, 0, 0, bytes(size)) for kind, size in _EMPTY_TABLES]
    return _box(b"stbl", _full_box(b"stsd", 0, 0, _U32.pack(1), entry), *empty)


_EMPTY_TABLES = ((b"stts", 4), (b"stsc", 4), (b"stsz", 8), (b"stco", 4))


def _movie_header() -> bytes:
    times = struct.pack(">4I", 0, 0, 1000, 0)
    rate_and_volume = struct.pack(">IH10x", 0x10000, 0x100)
    return _full_box(b"mvhd", 0, 0, times, rate_and_volume, _MATRIX, bytes(24), _U32.pack(3))


def _track_header(track: int, volume: int, width: int, height: int) -> bytes:
    start = struct.pack(">5I8xHHHH", 0, 0, track, 0, 0, 0, 0, volume, 0)
    return _full_box(b"tkhd", 0, 3, start, _MATRIX, struct.pack(">II", width << 16, height << 16))


def _track_defaults(track: int) -> bytes:
    return _full_box(b"trex", 0, 0, struct.pack(">5I", track, 1, 0, 0, 0))


def _box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return _U32.pack(len(body) + 8) + kind + body


def _full_box(kind: bytes, version: int, flags: int, *content: bytes) -> bytes:
    return _box(kind, _U32.pack(version << 24 | flags), *content)
