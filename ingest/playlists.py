"""The text of HLS playlists: master, plain media and low-latency media.

Sources: RFC 8216; draft-pantos-hls-rfc8216bis for partial segments, blocking
reload, preload hints and rendition reports.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from ingest.renditions import Rendition

MEDIA_TYPE: Final = "application/vnd.apple.mpegurl"
PLAIN_FILE: Final = "index.m3u8"
LOW_LATENCY_FILE: Final = "ll.m3u8"

_PARTS_OF_HOLD_BACK = 3


def init_file_name(number: int) -> str:
    """Name an initialisation segment."""
    return f"init-{number}.mp4"


def part_file_name(segment_number: int, index: int) -> str:
    """Name a partial segment; what is counted by `index` begins at the rendition's `first_part`."""
    return f"{segment_number}.{index}.m4s"


def media_playlist(rendition: Rendition) -> str:
    """Return the playlist of closed segments, for players that know no partial ones."""
    return _text([*_opening(rendition, 6), *_closed(rendition, with_parts=False)], rendition.ended)


def low_latency_playlist(rendition: Rendition, others: Iterable[Rendition] = ()) -> str:
    """Return the playlist with partial segments; `others` are reported on, to ease switching."""
    lines = [*_opening(rendition, 9), *_server_control(rendition), *_closed(rendition, with_parts=True)]
    if not rendition.ended:
        lines += _growing(rendition)
        lines += [_report(other) for other in others if other is not rendition]
    return _text(lines, rendition.ended)


def master_playlist(renditions: Sequence[Rendition], media_file: str = PLAIN_FILE) -> str:
    """Return the playlist that names every rendition, in the order given."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:6"]
    for rendition in renditions:
        lines += [f"#EXT-X-STREAM-INF:{_attributes(rendition)}", f"{rendition.name}/{media_file}"]
    return _text(lines, ended=False)


def _text(lines: list[str], ended: bool) -> str:
    return "\n".join([*lines, *(["#EXT-X-ENDLIST"] if ended else []), ""])


def _opening(rendition: Rendition, version: int) -> list[str]:
    first, epoch = rendition.first_position
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{version}",
        f"#EXT-X-TARGETDURATION:{rendition.target_duration_s}",
        f"#EXT-X-MEDIA-SEQUENCE:{first}",
    ]
    if epoch:
        lines.append(f"#EXT-X-DISCONTINUITY-SEQUENCE:{epoch}")
    if all(segment.independent for segment in rendition.closed):
        lines.append("#EXT-X-INDEPENDENT-SEGMENTS")
    return lines


def _server_control(rendition: Rendition) -> list[str]:
    target_s = rendition.part_target_s
    return [
        f"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={_PARTS_OF_HOLD_BACK * target_s:.3f}",
        f"#EXT-X-PART-INF:PART-TARGET={target_s:.3f}",
    ]


def _closed(rendition: Rendition, *, with_parts: bool) -> list[str]:
    lines: list[str] = []
    first, init, (_, epoch) = rendition.first_part, None, rendition.first_position
    for segment in rendition.closed:
        lines += _segment_head(segment.epoch - epoch, segment.init, segment.init != init, segment.started_at)
        init, epoch = segment.init, segment.epoch
        if with_parts:
            lines += [_part(segment.number, i, p.duration_s, p.independent) for i, p in enumerate(segment.parts, first)]
        lines += [f"#EXTINF:{segment.duration_s:.5f},", segment.file_name]
    return lines


def _growing(rendition: Rendition) -> list[str]:
    number, parts = rendition.next_number, rendition.parts
    first = rendition.first_part
    hint = f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{part_file_name(number, first + len(parts))}"'
    if not parts:
        return [hint]
    init_changes = not rendition.closed or rendition.closed[-1].init != rendition.init_number
    breaks = rendition.open_epoch - rendition.closed[-1].epoch if rendition.closed else 0
    return [
        *_segment_head(breaks, rendition.init_number, init_changes, rendition.open_started_at),
        *(_part(number, i, part.duration_s, part.independent) for i, part in enumerate(parts, first)),
        hint,
    ]


def _segment_head(breaks: int, init: int, init_changes: bool, started_at: float) -> list[str]:
    # A rendition that was away while others broke off catches up with their count.
    # Rounded as in the log: a process that goes on with the stream says the same of a segment.
    shown = datetime.fromtimestamp(round(started_at, 3), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return [
        *(["#EXT-X-DISCONTINUITY"] * breaks),
        *([f'#EXT-X-MAP:URI="{init_file_name(init)}"'] if init_changes else []),
        f"#EXT-X-PROGRAM-DATE-TIME:{shown}",
    ]


def _part(segment_number: int, index: int, duration_s: float, independent: bool) -> str:
    claim = ",INDEPENDENT=YES" if independent else ""
    return f'#EXT-X-PART:DURATION={duration_s:.5f},URI="{part_file_name(segment_number, index)}"{claim}'


def _report(rendition: Rendition) -> str:
    number, part = rendition.last_position
    uri = f"../{rendition.name}/{LOW_LATENCY_FILE}"
    return f'#EXT-X-RENDITION-REPORT:URI="{uri}",LAST-MSN={number},LAST-PART={part}'


def _attributes(rendition: Rendition) -> str:
    description = rendition.description
    average = int(rendition.average_bps)
    attributes = [f"BANDWIDTH={max(int(rendition.peak_bps), average)}", f"AVERAGE-BANDWIDTH={average}"]
    if description.codecs:
        attributes.append(f'CODECS="{",".join(description.codecs)}"')
    if description.has_picture:
        attributes.append(f"RESOLUTION={description.width}x{description.height}")
    if description.fps:
        attributes.append(f"FRAME-RATE={description.fps:.3f}")
    return ",".join(attributes)
