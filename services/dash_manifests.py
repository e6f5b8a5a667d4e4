"""MPEG-DASH over the segments of HLS: a manifest made from the playlists, live or of a recording.

Source: ISO/IEC 23009-1. Sound and picture share their segments, so that there is one adaptation
set, of the renditions that have a picture. A period is a run of segments without a break; while
a stream is live its times are counted from 1970, as the playlists' EXT-X-PROGRAM-DATE-TIME.
"""

import itertools
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from xml.sax.saxutils import quoteattr

import msgspec

from services.mp4_times import Mp4TimesError, Track, begins_at, timing_track

MANIFEST, MASTER = "manifest.mpd", "index.m3u8"
#: How many bytes of a segment are enough to find the time at which it begins.
HEAD_BYTES = 64 << 10

_ATTRIBUTE = re.compile(r'([A-Z-]+)=("[^"]*"|[^,]*)')

#: Reads a file beside the master playlist, of a segment at least the head; raises OSError.
Read = Callable[[str], bytes]


class DashError(Exception):
    """No manifest can be made of what there is; says why."""


class _Piece(msgspec.Struct, frozen=True):
    """A segment as a playlist names it."""

    uri: str
    init: str
    duration_s: float
    started_at: float | None


class _Run(msgspec.Struct, frozen=True):
    """Segments without a break; `is_whole` where its beginning is seen: a break before it."""

    pieces: list[_Piece]
    is_whole: bool


class _Rendition(msgspec.Struct, frozen=True):
    name: str
    attributes: dict[str, str]
    runs: list[_Run]
    has_ended: bool


class _Period(msgspec.Struct, frozen=True):
    """When a period begins, in seconds of the presentation, and its renditions' XML."""

    starts_s: float
    duration_s: float
    xml: str


def manifest(read: Read, now: datetime) -> str:
    """The MPD of a folder with a master playlist; raises DashError, OSError."""
    renditions = _renditions(read)
    is_live = not all(rendition.has_ended for rendition in renditions)
    try:
        periods = _periods(read, renditions, is_live)
    except Mp4TimesError as error:
        raise DashError(str(error)) from error
    if not periods:
        raise DashError("there is nothing to play yet")
    body = "".join(_period(number, period, is_live) for number, period in enumerate(periods))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<MPD {_head(periods, is_live, now)}>\n{body}</MPD>\n'


def _renditions(read: Read) -> list[_Rendition]:
    lines = read(MASTER).decode().splitlines()
    described = itertools.pairwise(lines)
    found = [
        _rendition(read, uri.partition("/")[0], dict(_ATTRIBUTE.findall(line)))
        for line, uri in described
        if line.startswith("#EXT-X-STREAM-INF:") and uri and not uri.startswith("#")
    ]
    return [each for each in found if "RESOLUTION" in each.attributes] or found


def _rendition(read: Read, name: str, attributes: dict[str, str]) -> _Rendition:
    lines = read(f"{name}/{MASTER}").decode().splitlines()
    runs: list[_Run] = []
    init, duration_s, started_at, is_break = "", 0.0, None, True
    for line in lines:
        tag, _, value = line.partition(":")
        if tag == "#EXT-X-MAP":
            is_break = is_break or value != f'URI="{init}"'
            init = value.removeprefix('URI="').rstrip('"')
        elif tag == "#EXT-X-DISCONTINUITY":
            is_break = True
        elif tag == "#EXT-X-PROGRAM-DATE-TIME":
            started_at = datetime.fromisoformat(value).timestamp()
        elif tag == "#EXTINF":
            duration_s = float(value.rstrip(","))
        elif line and not line.startswith("#"):
            if is_break:
                runs.append(_Run([], bool(runs)))
            runs[-1].pieces.append(_Piece(line, init, duration_s, started_at))
            started_at, is_break = None if started_at is None else started_at + duration_s, False
    return _Rendition(name, attributes, runs, "#EXT-X-ENDLIST" in lines)


def _periods(read: Read, renditions: Sequence[_Rendition], is_live: bool) -> list[_Period]:
    """A period for each run of the first rendition, with the runs of the others that began with it."""
    found: list[_Period] = []
    for run in renditions[0].runs if renditions else ():
        before_s = found[-1].starts_s + found[-1].duration_s if found else 0.0
        together = [(each, other) for each in renditions if (other := _beside(each, run)) is not None]
        made = [_representation(read, each, other, is_live) for each, other in together]
        starts_s = made[0][0] if is_live else before_s
        found.append(_Period(starts_s, sum(p.duration_s for p in run.pieces), "".join(xml for _, xml in made)))
    return found


def _beside(rendition: _Rendition, run: _Run) -> _Run | None:
    """The run of a rendition that shows the same stretch of time."""
    began = run.pieces[0].started_at or 0.0
    ended = began + sum(piece.duration_s for piece in run.pieces)
    return next((r for r in rendition.runs if began - 0.5 <= (r.pieces[0].started_at or 0.0) < ended), None)


def _representation(read: Read, rendition: _Rendition, run: _Run, is_live: bool) -> tuple[float, str]:
    """Where the period begins by this rendition's clock, and the rendition's XML.

    The first live run, whose beginning leaves the window, is counted from its clock's zero, which stays
    where it is as the window moves on; any other from its first segment.
    """
    first = run.pieces[0]
    track = timing_track(read(f"{rendition.name}/{first.init}"))
    begins = begins_at(read(f"{rendition.name}/{first.uri}"), track)
    offset = begins if run.is_whole or not is_live else 0
    starts_s = (first.started_at or 0.0) - (begins - offset) / track.timescale
    return starts_s, _xml(rendition, run, track, begins, offset)


def _xml(rendition: _Rendition, run: _Run, track: Track, begins: int, offset: int) -> str:
    attributes, first = rendition.attributes, run.pieces[0]
    said = {"id": rendition.name, "bandwidth": attributes.get("BANDWIDTH", "1")}
    said["codecs"] = attributes.get("CODECS", "").strip('"')
    if "RESOLUTION" in attributes:
        said["width"], _, said["height"] = attributes["RESOLUTION"].partition("x")
    template = {
        "timescale": str(track.timescale),
        "presentationTimeOffset": str(offset),
        "startNumber": first.uri.partition(".")[0],
        "initialization": f"{rendition.name}/{first.init}",
        "media": f"{rendition.name}/$Number$.m4s",
    }
    return (
        f"   <Representation {_attributes(said)}>\n    <SegmentTemplate {_attributes(template)}>\n"
        f"     <SegmentTimeline>{_timeline(run.pieces, track.timescale, begins)}</SegmentTimeline>\n"
        "    </SegmentTemplate>\n   </Representation>\n"
    )


def _timeline(pieces: Sequence[_Piece], timescale: int, begins: int) -> str:
    """Durations in whole units, rounded so that their sum never drifts from the time."""
    written, total_s, at = [], 0.0, begins
    for piece in pieces:
        total_s += piece.duration_s
        ends = begins + round(total_s * timescale)
        written.append(f'<S t="{at}" d="{ends - at}"/>')
        at = ends
    return "".join(written)


def _head(periods: Sequence[_Period], is_live: bool, now: datetime) -> str:
    total_s = sum(period.duration_s for period in periods)
    said = {"xmlns": "urn:mpeg:dash:schema:mpd:2011", "profiles": "urn:mpeg:dash:profile:isoff-live:2011"}
    if is_live:
        said |= {
            "type": "dynamic",
            "availabilityStartTime": "1970-01-01T00:00:00Z",
            "publishTime": _date(now),
            "minimumUpdatePeriod": "PT1S",
            "suggestedPresentationDelay": "PT4S",
            "timeShiftBufferDepth": f"PT{total_s:.0f}S",
        }
    else:
        said |= {"type": "static", "mediaPresentationDuration": f"PT{total_s:.3f}S"}
    return _attributes(said | {"minBufferTime": "PT2S"})


def _period(number: int, period: _Period, is_live: bool) -> str:
    name = f"{period.starts_s:.0f}" if is_live else str(number)
    said = {"id": f"p{name}", "start": f"PT{period.starts_s:.3f}S"}
    kind = "video" if " width=" in period.xml else "audio"
    sets = {"contentType": kind, "mimeType": f"{kind}/mp4", "segmentAlignment": "true", "startWithSAP": "1"}
    return (
        f" <Period {_attributes(said)}>\n  <AdaptationSet {_attributes(sets)}>\n"
        f"{period.xml}  </AdaptationSet>\n </Period>\n"
    )


def _attributes(said: dict[str, str]) -> str:
    return " ".join(f"{name}={quoteattr(value)}" for name, value in said.items())


def _date(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
