"""The HLS playlists of a recording (RFC 8216), as text."""

from collections.abc import Sequence
from datetime import UTC, datetime

from services.segment_index import RecordedRendition, SegmentEntry

PLAYLIST = "index.m3u8"


def vod_playlist(rendition: RecordedRendition) -> str:
    """The media playlist of a whole rendition; its files lie beside it."""
    longest_s = max(round(segment.duration_s) for segment in rendition.segments)
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:6",
        f"#EXT-X-TARGETDURATION:{max(1, longest_s)}",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-MEDIA-SEQUENCE:0",
    ]
    if rendition.segments[0].epoch:
        lines.append(f"#EXT-X-DISCONTINUITY-SEQUENCE:{rendition.segments[0].epoch}")
    before = None
    for segment in rendition.segments:
        lines += _segment(segment, before)
        before = segment
    return "\n".join([*lines, "#EXT-X-ENDLIST"]) + "\n"


def vod_master_playlist(renditions: Sequence[RecordedRendition]) -> str:
    """The playlist that names every rendition, in the order given."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:6"]
    for rendition in renditions:
        lines += [_variant(rendition), f"{rendition.name}/{PLAYLIST}"]
    return "\n".join(lines) + "\n"


def _segment(segment: SegmentEntry, before: SegmentEntry | None) -> list[str]:
    lines = []
    if before is not None and segment.discontinuous:
        # A rendition that was away while others broke off catches up with their count.
        lines += ["#EXT-X-DISCONTINUITY"] * max(1, segment.epoch - before.epoch)
    if before is None or segment.init != before.init:
        lines.append(f'#EXT-X-MAP:URI="{_name(segment.init)}"')
    if lines:
        lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{_date(segment.started_at)}")
    return [*lines, f"#EXTINF:{segment.duration_s:.5f},", _name(segment.uri)]


def _variant(rendition: RecordedRendition) -> str:
    described = rendition.inits[-1]
    attributes = [
        f"BANDWIDTH={max(1, rendition.peak_bps)}",
        f"AVERAGE-BANDWIDTH={max(1, rendition.average_bps)}",
        f'CODECS="{",".join(described.codecs)}"',
    ]
    if described.width:
        attributes.append(f"RESOLUTION={described.width}x{described.height}")
    if described.width and described.fps:
        attributes.append(f"FRAME-RATE={described.fps:.3f}")
    return f"#EXT-X-STREAM-INF:{','.join(attributes)}"


def _name(uri: str) -> str:
    return uri.rpartition("/")[2]


def _date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
