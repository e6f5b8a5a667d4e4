"""What a stream's folder says of itself: every initialisation segment and segment ever written.

`segments.jsonl` grows by a line as each is closed, so that it survives a crash;
`segments.json` sums it up when the stream has ended, for whoever makes the recording.
"""

from collections.abc import Iterable
from typing import Final, TypeAlias

import msgspec

from ingest.parts import Description
from ingest.playlists import init_file_name
from ingest.renditions import Segment

LOG_FILE: Final = "segments.jsonl"
SUMMARY_FILE: Final = "segments.json"


class InitEntry(msgspec.Struct, frozen=True, tag="init", rename="camel"):
    """An initialisation segment; sizes in pixels, 0 where there is no picture."""

    rendition: str
    number: int
    uri: str
    codecs: tuple[str, ...]
    width: int
    height: int
    fps: float | None


class SegmentEntry(msgspec.Struct, frozen=True, tag="segment", rename="camel"):
    """A segment; `init` is the URI of its initialisation segment, `started_at` seconds since 1970.

    `epoch` is its discontinuity sequence number, the same in all renditions, as is the media time `ends_s`.
    """

    rendition: str
    number: int
    uri: str
    init: str
    duration_s: float
    started_at: float
    size: int
    discontinuous: bool
    independent: bool
    epoch: int = 0
    ends_s: float = 0.0


Entry: TypeAlias = InitEntry | SegmentEntry


class RenditionSummary(msgspec.Struct, frozen=True, rename="camel"):
    """All that a rendition consists of, in order."""

    name: str
    duration_s: float
    inits: tuple[InitEntry, ...]
    segments: tuple[SegmentEntry, ...]


class Summary(msgspec.Struct, frozen=True, rename="camel"):
    """All renditions of a stream."""

    stream_id: str
    renditions: tuple[RenditionSummary, ...]


def init_entry(rendition: str, number: int, description: Description) -> InitEntry:
    """Describe an initialisation segment; URIs are relative to the stream's folder."""
    uri = f"{rendition}/{init_file_name(number)}"
    return InitEntry(rendition, number, uri, description.codecs, description.width, description.height, description.fps)


def segment_entry(rendition: str, segment: Segment, *, discontinuous: bool) -> SegmentEntry:
    """Describe a closed segment, and whether it does not continue the one before it."""
    return SegmentEntry(
        rendition=rendition,
        number=segment.number,
        uri=f"{rendition}/{segment.file_name}",
        init=f"{rendition}/{init_file_name(segment.init)}",
        duration_s=round(segment.duration_s, 6),
        started_at=round(segment.started_at, 3),
        size=segment.size,
        discontinuous=discontinuous,
        independent=segment.independent,
        epoch=segment.epoch,
        ends_s=round(segment.ends_s, 6),
    )


def encode_line(entry: Entry) -> bytes:
    """Return an entry as a line of the log."""
    return msgspec.json.encode(entry) + b"\n"


def decode_log(log: bytes) -> list[Entry]:
    """Return the entries of a log; a last line that was cut short is left out."""
    whole = log[: log.rfind(b"\n") + 1]
    return msgspec.json.Decoder(Entry).decode_lines(whole)


def summarise(stream_id: str, entries: Iterable[Entry]) -> Summary:
    """Group a log by rendition."""
    inits: dict[str, list[InitEntry]] = {}
    segments: dict[str, list[SegmentEntry]] = {}
    for entry in entries:
        if isinstance(entry, InitEntry):
            inits.setdefault(entry.rendition, []).append(entry)
        else:
            segments.setdefault(entry.rendition, []).append(entry)
    renditions = [
        RenditionSummary(name, sum(s.duration_s for s in made), tuple(inits.get(name, ())), tuple(made))
        for name, made in segments.items()
    ]
    return Summary(stream_id, tuple(renditions))
