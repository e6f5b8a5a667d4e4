"""The times inside fragmented MP4: a track's timescale, and at which time a segment begins.

Source: ISO/IEC 14496-12, boxes `tkhd`, `mdhd`, `hdlr`, `tfhd` and `tfdt`.
"""

import struct
from collections.abc import Iterator

import msgspec

_CONTAINERS = frozenset({b"moov", b"trak", b"mdia", b"moof", b"traf"})


class Track(msgspec.Struct, frozen=True):
    """The track by which a file is timed: its picture, else its first. `timescale` is in units a second."""

    track_id: int
    timescale: int
    is_picture: bool


class Mp4TimesError(Exception):
    """Bytes that are no initialisation segment or segment; says what is missing."""


def timing_track(init: bytes) -> Track:
    """The track of an initialisation segment by which its segments are timed; raises Mp4TimesError."""
    found: list[Track] = []
    track_id = timescale = 0
    try:
        for kind, content in _boxes(init):
            if kind == b"tkhd":
                track_id = _after_times(content, 0)
            elif kind == b"mdhd":
                timescale = _after_times(content, 0)
            elif kind == b"hdlr":
                found.append(Track(track_id, timescale, content[8:12] == b"vide"))
    except struct.error as error:
        raise Mp4TimesError("the initialisation segment is cut short") from error
    if not found or not all(track.timescale for track in found):
        raise Mp4TimesError("the initialisation segment has no track")
    return next((track for track in found if track.is_picture), found[0])


def begins_at(segment: bytes, track: Track) -> int:
    """The decode time of a segment's first sample, in units of the track's timescale; raises Mp4TimesError."""
    track_id = 0
    try:
        for kind, content in _boxes(segment):
            if kind == b"tfhd":
                track_id = struct.unpack_from(">I", content, 4)[0]
            elif kind == b"tfdt" and track_id == track.track_id:
                return int(struct.unpack_from(">Q" if content[0] == 1 else ">I", content, 4)[0])
    except (struct.error, IndexError) as error:
        raise Mp4TimesError("the segment is cut short") from error
    raise Mp4TimesError("the segment does not say when it begins")


def _after_times(content: bytes, offset: int) -> int:
    """The number after a full box's two times, which its version makes 4 or 8 bytes long."""
    start = offset + 4 + (16 if content[:1] == b"\1" else 8)
    return int(struct.unpack_from(">I", content, start)[0])


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Every box, those inside containers after their container."""
    position = 0
    while position + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        if size < 8:
            return
        content = data[position + 8 : position + size]
        yield kind, content
        if kind in _CONTAINERS:
            yield from _boxes(content)
        position += size
