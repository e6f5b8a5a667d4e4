"""Fragmented MP4 as it arrives from a transcoder, read far enough to make playlists of it.

Source: ISO/IEC 14496-12, sections 8.3 to 8.8.
"""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from ingest.errors import ProtocolError
from ingest.parts import Description, Init, Part

MAX_BOX_BYTES: Final = 16 << 20

_U32 = struct.Struct(">I")
_NOT_SYNC = 0x00010000
_AUDIO_OBJECT = 0x40


class Track(NamedTuple):
    """One track of a movie; `timescale` in ticks a second."""

    number: int
    timescale: int
    handler: bytes
    codec: str
    width: int
    height: int
    default_duration: int
    default_flags: int


class _TrackRun(NamedTuple):
    """What a fragment holds of one track, in ticks."""

    decode_time: int
    duration: int
    begins_with_sync: bool


class FragmentReader:
    """Takes bytes in any pieces; gives back an Init and then Parts."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._brands = b""
        self._fragment = b""
        self._tracks: dict[int, Track] = {}

    def push(self, data: bytes) -> list[Init | Part]:
        """Add bytes that arrived; raises ProtocolError."""
        self._buffer += data
        out: list[Init | Part] = []
        try:
            while (box := self._next_box()) is not None:
                out.extend(self._take(box))
        except (struct.error, IndexError) as cut_short:
            raise ProtocolError("an MP4 box is too short for what it should hold") from cut_short
        return out

    def _next_box(self) -> bytes | None:
        if len(self._buffer) < 8:
            return None
        size = _U32.unpack_from(self._buffer)[0]
        if not 8 <= size <= MAX_BOX_BYTES:
            raise ProtocolError(f"an MP4 box of {size} bytes is not possible here")
        if len(self._buffer) < size:
            return None
        box = bytes(self._buffer[:size])
        del self._buffer[:size]
        return box

    def _take(self, box: bytes) -> Iterator[Init | Part]:
        kind = box[4:8]
        if kind == b"ftyp":
            self._brands = box
        elif kind == b"moov":
            tracks = _read_movie(box)
            self._tracks = {track.number: track for track in tracks}
            yield Init(self._brands + box, _describe(tracks))
        elif kind == b"moof":
            self._fragment = box
        elif kind == b"mdat" and self._fragment:
            moof, self._fragment = self._fragment, b""
            yield _read_part(moof, box, self._tracks)


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start of content and end of every box between two positions."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        if size < 8 or start + size > end:
            raise ProtocolError("an MP4 box is larger than what holds it")
        yield kind, start + 8, start + size
        start += size


def _find(data: bytes, path: tuple[bytes, ...], start: int, end: int) -> tuple[int, int]:
    """Return the content's bounds of the first box at a path."""
    for kind, inner, inner_end in boxes(data, start, end):
        if kind == path[0]:
            return _find(data, path[1:], inner, inner_end) if path[1:] else (inner, inner_end)
    raise ProtocolError(f"there is no {path[0].decode()} box where one was expected")


def _read_movie(moov: bytes) -> list[Track]:
    defaults = {}
    for kind, start, end in boxes(moov, *_find(moov, (b"mvex",), 8, len(moov))):
        if kind == b"trex":
            number, _, duration, _, flags = struct.unpack_from(">5I", moov[:end], start + 4)
            defaults[number] = (duration, flags)
    return [
        _read_track(moov, start, end, defaults) for kind, start, end in boxes(moov, 8, len(moov)) if kind == b"trak"
    ]


def _read_track(moov: bytes, start: int, end: int, defaults: dict[int, tuple[int, int]]) -> Track:
    header, _ = _find(moov, (b"tkhd",), start, end)
    number = _U32.unpack_from(moov, header + (20 if moov[header] else 12))[0]
    media, _ = _find(moov, (b"mdia", b"mdhd"), start, end)
    timescale = _U32.unpack_from(moov, media + (20 if moov[media] else 12))[0]
    handler, _ = _find(moov, (b"mdia", b"hdlr"), start, end)
    entry, entry_end = _find(moov, (b"mdia", b"minf", b"stbl", b"stsd"), start, end)
    codec, width, height = _read_sample_entry(moov, entry + 8, entry_end)
    if not timescale:
        raise ProtocolError("an MP4 track has no timescale")
    kind = moov[handler + 8 : handler + 12]
    return Track(number, timescale, kind, codec, width, height, *defaults.get(number, (0, 0)))


def _read_sample_entry(moov: bytes, start: int, end: int) -> tuple[str, int, int]:
    """Return codec string, width and height from the first sample entry."""
    kind, inner, inner_end = next(boxes(moov, start, end), (b"", 0, 0))
    if kind in (b"avc1", b"avc3"):
        width, height = struct.unpack_from(">HH", moov, inner + 24)
        record, _ = _find(moov, (b"avcC",), inner + 78, inner_end)
        return f"avc1.{moov[record + 1 : record + 4].hex()}", width, height
    if kind == b"mp4a":
        return _audio_codec(moov[inner:inner_end]), 0, 0
    raise ProtocolError(f"{kind!r} is not a codec that is packaged here")


def _audio_codec(entry: bytes) -> str:
    """Find the object type in the AudioSpecificConfig at the end of the descriptors."""
    config = entry.rfind(b"\x05\x80\x80\x80")
    object_type = entry[config + 5] >> 3 if config >= 0 else 2
    return f"mp4a.40.{object_type}"


def _describe(tracks: list[Track]) -> Description:
    picture = next((track for track in tracks if track.handler == b"vide"), None)
    codecs = tuple(track.codec for track in tracks)
    return Description(codecs, picture.width if picture else 0, picture.height if picture else 0)


def _read_part(moof: bytes, mdat: bytes, tracks: dict[int, Track]) -> Part:
    runs: list[tuple[Track, _TrackRun]] = []
    for kind, start, end in boxes(moof, 8, len(moof)):
        if kind == b"traf":
            runs.append(_read_track_fragment(moof, start, end, tracks))
    if not runs:
        raise ProtocolError("an MP4 fragment holds no track")
    track, run = next((pair for pair in runs if pair[0].handler == b"vide"), runs[0])
    independent = track.handler != b"vide" or run.begins_with_sync
    return Part(moof + mdat, run.decode_time / track.timescale, run.duration / track.timescale, independent)


def _read_track_fragment(moof: bytes, start: int, end: int, tracks: dict[int, Track]) -> tuple[Track, _TrackRun]:
    header, _ = _find(moof, (b"tfhd",), start, end)
    number = _U32.unpack_from(moof, header + 4)[0]
    track = tracks.get(number)
    if track is None:
        raise ProtocolError("an MP4 fragment holds a track that was not announced")
    track = _with_defaults(track, moof, header)
    decode_time, duration, sync = 0, 0, None
    for kind, inner, inner_end in boxes(moof, start, end):
        if kind == b"tfdt":
            form = ">Q" if moof[inner] else ">I"
            decode_time = struct.unpack_from(form, moof, inner + 4)[0]
        elif kind == b"trun":
            added, begins_with_sync = _read_run(moof[inner:inner_end], track)
            duration += added
            sync = begins_with_sync if sync is None else sync
    return track, _TrackRun(decode_time, duration, bool(sync))


def _with_defaults(track: Track, moof: bytes, header: int) -> Track:
    """Apply what a tfhd box (8.8.7) says for all samples of its fragment."""
    flags = _U32.unpack_from(moof, header)[0]
    position = header + 8 + (8 if flags & 1 else 0) + (4 if flags & 2 else 0)
    if flags & 8:
        track = track._replace(default_duration=_U32.unpack_from(moof, position)[0])
        position += 4
    position += 4 if flags & 16 else 0
    if flags & 32:
        track = track._replace(default_flags=_U32.unpack_from(moof, position)[0])
    return track


def _read_run(run: bytes, track: Track) -> tuple[int, bool]:
    """Return the duration of a trun box (8.8.8) in ticks, and whether it begins with a sync sample."""
    flags, count = struct.unpack_from(">II", run)
    position = 8 + (4 if flags & 1 else 0)
    first_flags = track.default_flags
    if flags & 4:
        first_flags = _U32.unpack_from(run, position)[0]
        position += 4
    present = [bool(flags & bit) for bit in (0x100, 0x200, 0x400, 0x800)]
    stride = 4 * sum(present)
    if position + stride * count > len(run) or (stride == 0 and count > 1 << 16):
        raise ProtocolError("an MP4 run announces more samples than it holds")
    if flags & 0x400 and not flags & 4 and count:
        first_flags = _U32.unpack_from(run, position + 4 * sum(present[:2]))[0]
    if not flags & 0x100:
        return track.default_duration * count, not first_flags & _NOT_SYNC
    durations = (_U32.unpack_from(run, position + stride * index)[0] for index in range(count))
    return sum(durations), not first_flags & _NOT_SYNC
