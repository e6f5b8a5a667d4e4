"""What the packager left of a broadcast: its log of initialisation segments and segments, read back.

The log (`segments.jsonl`, one JSON object a line) survives a crash; a summary beside it
(`segments.json`) appears when the broadcast's folder is complete.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import msgspec

LOG_FILE, COMPLETE_MARK = "segments.jsonl", "segments.json"
SOURCE = "source"


class InitEntry(msgspec.Struct, frozen=True, tag="init", rename="camel"):
    """An initialisation segment; sizes in pixels, 0 where there is no picture."""

    rendition: str
    uri: str
    codecs: tuple[str, ...] = ()
    width: int = 0
    height: int = 0
    fps: float | None = None


class SegmentEntry(msgspec.Struct, frozen=True, tag="segment", rename="camel"):
    """A closed segment; `init` and `uri` are relative to the broadcast's folder, `size` is in bytes.

    `epoch` is its discontinuity sequence number, the same in all renditions.
    """

    rendition: str
    uri: str
    init: str
    duration_s: float
    started_at: float
    size: int
    discontinuous: bool = False
    independent: bool = True
    epoch: int = 0


Entry: TypeAlias = InitEntry | SegmentEntry


class RecordedRendition(msgspec.Struct, frozen=True):
    """All segments of one rendition, in order, and the initialisation segments that they need."""

    name: str
    inits: tuple[InitEntry, ...]
    segments: tuple[SegmentEntry, ...]

    @property
    def is_for_few(self) -> bool:
        """Whether its picture is in a codec that players are given as a transcode alone."""
        return any(codec.startswith(("hvc1", "av01")) for init in self.inits for codec in init.codecs)

    @property
    def has_picture(self) -> bool:
        """Whether there is video in it."""
        return any(init.width for init in self.inits)

    @property
    def duration_s(self) -> float:
        return sum(segment.duration_s for segment in self.segments)

    @property
    def peak_bps(self) -> int:
        """Bits a second of the densest segment that is long enough to count."""
        dense = [8 * s.size / s.duration_s for s in self.segments if s.duration_s > 0.5]
        return round(max(dense, default=self.average_bps))

    @property
    def average_bps(self) -> int:
        return round(8 * sum(segment.size for segment in self.segments) / max(self.duration_s, 0.001))

    def runs(self) -> Iterator[tuple[str, list[SegmentEntry]]]:
        """Stretches that share an initialisation segment: its URI, and the segments."""
        run: list[SegmentEntry] = []
        for segment in self.segments:
            if run and segment.init != run[0].init:
                yield run[0].init, run
                run = []
            run.append(segment)
        if run:
            yield run[0].init, run


def is_complete(folder: Path) -> bool:
    """Whether the packager has finished with a broadcast's folder."""
    return (folder / COMPLETE_MARK).exists()


def recorded_renditions(folder: Path) -> list[RecordedRendition]:
    """Every rendition in a broadcast's folder, the source first, then by bitrate; none where nothing was written."""
    entries = _entries(folder)
    names = dict.fromkeys(entry.rendition for entry in entries if isinstance(entry, SegmentEntry))
    found = [_rendition(name, entries) for name in names]
    return sorted(found, key=lambda rendition: (rendition.name != SOURCE, -rendition.average_bps))


def _entries(folder: Path) -> list[Entry]:
    try:
        log = (folder / LOG_FILE).read_bytes()
    except FileNotFoundError:
        return []
    whole_lines = log[: log.rfind(b"\n") + 1]  # a crash may have cut the last one short
    return msgspec.json.Decoder(Entry).decode_lines(whole_lines)


def _rendition(name: str, entries: list[Entry]) -> RecordedRendition:
    segments = [e for e in entries if isinstance(e, SegmentEntry) and e.rendition == name]
    inits = [e for e in entries if isinstance(e, InitEntry) and e.rendition == name]
    return RecordedRendition(name, tuple(inits), tuple(segments))
