"""What RFC 8216 and its low-latency successor demand of playlists, as a check that names each breach.

Section numbers are those of RFC 8216; `bis` is draft-pantos-hls-rfc8216bis. One rule is held
more loosely: a live source's target duration may rise, since nobody knows beforehand how far
apart an encoder's keyframes will be; it never falls.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import msgspec

ROUNDING_S = 0.002
PDT_TOLERANCE_S = 0.25
#: Renditions whose keyframes differ begin an epoch this far apart at most.
KEYFRAMES_APART_S = 2.1

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)')


class Part(msgspec.Struct, frozen=True):
    """A partial segment; `duration_s` is what the playlist claims."""

    uri: str
    duration_s: float


class Segment(msgspec.Struct, frozen=True):
    """A media segment as a player understands it; `began_at` is in seconds since 1970."""

    number: int
    uri: str
    duration_s: float
    epoch: int
    init: str | None
    began_at: float | None
    parts: tuple[Part, ...] = ()


class MediaPlaylist(msgspec.Struct, kw_only=True):
    """A media playlist, read as a player reads it."""

    target_s: int = 0
    version: int = 0
    first_number: int = 0
    ended: bool = False
    kind: str = ""
    part_target_s: float | None = None
    control: dict[str, str] = {}
    segments: list[Segment] = []
    open_parts: list[Part] = []
    hints: list[str] = []
    independent: bool = False
    breaches: list[str] = []


def attributes(text: str) -> dict[str, str]:
    """An attribute list (4.2), without quotes."""
    return {name: value.strip('"') for name, value in _ATTRIBUTE.findall(text)}


class _Reader:
    """Goes through the lines once, noting what is out of place."""

    def __init__(self) -> None:
        self.playlist = MediaPlaylist(breaches=[], segments=[], open_parts=[], hints=[], control={})
        self._epoch = 0
        self._init: str | None = None
        self._began_at: float | None = None
        self._duration_s: float | None = None
        self._seen: set[str] = set()

    def take(self, line: str) -> None:
        tag, _, value = line.partition(":")
        if self.playlist.ended and line:
            self._note("4.3.3.4: something follows EXT-X-ENDLIST")
        if not line.startswith("#"):
            self._segment(line)
        elif tag in _ONCE:
            self._once(tag)
            _ONCE[tag](self.playlist, value)
        self._per_segment(tag, value)

    def _per_segment(self, tag: str, value: str) -> None:
        match tag:
            case "#EXT-X-DISCONTINUITY-SEQUENCE":
                self._once(tag)
                if self.playlist.segments or self._epoch:
                    self._note("4.3.3.3: EXT-X-DISCONTINUITY-SEQUENCE after a segment or a discontinuity")
                self._epoch = int(value)
            case "#EXT-X-DISCONTINUITY":
                self._epoch += 1
            case "#EXT-X-MAP":
                self._init = attributes(value)["URI"]
            case "#EXT-X-PROGRAM-DATE-TIME":
                self._began_at = datetime.fromisoformat(value).timestamp()
            case "#EXTINF":
                self._duration_s = float(value.rstrip(","))
            case "#EXT-X-PART":
                found = attributes(value)
                self.playlist.open_parts.append(Part(found["URI"], float(found["DURATION"])))
            case "#EXT-X-PRELOAD-HINT":
                self.playlist.hints.append(attributes(value)["URI"])

    def _segment(self, uri: str) -> None:
        playlist = self.playlist
        if self._duration_s is None:
            self._note(f"4.3.2.1: no EXTINF before {uri}")
            return
        number = playlist.first_number + len(playlist.segments)
        parts, playlist.open_parts = tuple(playlist.open_parts), []
        segment = Segment(number, uri, self._duration_s, self._epoch, self._init, self._began_at, parts)
        playlist.segments.append(segment)
        self._duration_s = self._began_at = None

    def _once(self, tag: str) -> None:
        if tag in self._seen:
            self._note(f"{tag} more than once")
        self._seen.add(tag)

    def _note(self, breach: str) -> None:
        self.playlist.breaches.append(breach)


_ONCE: dict[str, Callable[[MediaPlaylist, str], None]] = {
    "#EXT-X-VERSION": lambda playlist, value: setattr(playlist, "version", int(value)),
    "#EXT-X-TARGETDURATION": lambda playlist, value: setattr(playlist, "target_s", int(value)),
    "#EXT-X-MEDIA-SEQUENCE": lambda playlist, value: setattr(playlist, "first_number", int(value)),
    "#EXT-X-PLAYLIST-TYPE": lambda playlist, value: setattr(playlist, "kind", value),
    "#EXT-X-ENDLIST": lambda playlist, _: setattr(playlist, "ended", True),
    "#EXT-X-INDEPENDENT-SEGMENTS": lambda playlist, _: setattr(playlist, "independent", True),
    "#EXT-X-SERVER-CONTROL": lambda playlist, value: setattr(playlist, "control", attributes(value)),
    "#EXT-X-PART-INF": lambda playlist, value: setattr(
        playlist, "part_target_s", float(attributes(value)["PART-TARGET"])
    ),
}


def read(text: str) -> MediaPlaylist:
    """Read a media playlist; what is out of place is among its `breaches`."""
    reader = _Reader()
    lines = text.splitlines()
    if lines[:1] != ["#EXTM3U"]:
        reader.playlist.breaches.append("4.3.1.1: the first line is not #EXTM3U")
    for line in lines:
        reader.take(line)
    return reader.playlist


def breaches(text: str) -> list[str]:
    """Everything that is wrong with one media playlist."""
    playlist = read(text)
    found = [*playlist.breaches, *_of_segments(playlist), *_of_dates(playlist)]
    if playlist.version < 6 and any(segment.init for segment in playlist.segments):
        found.append("7: EXT-X-MAP wants version 6")
    if playlist.kind == "VOD" and not playlist.ended:
        found.append("4.3.3.5: a VOD playlist without EXT-X-ENDLIST")
    if playlist.part_target_s is not None or any(segment.parts for segment in playlist.segments):
        found += _of_parts(playlist)
    return found


def _of_segments(playlist: MediaPlaylist) -> Iterator[str]:
    if playlist.target_s < 1:
        yield "4.3.3.1: no EXT-X-TARGETDURATION"
    for segment in playlist.segments:
        if round(segment.duration_s) > playlist.target_s:
            yield f"4.3.3.1: {segment.uri} lasts {segment.duration_s} s, the target is {playlist.target_s} s"
        if segment.init is None:
            yield f"3.3: {segment.uri} is fragmented MP4 without EXT-X-MAP"


def _of_dates(playlist: MediaPlaylist) -> Iterator[str]:
    for before, after in zip(playlist.segments, playlist.segments[1:], strict=False):
        if before.began_at is None or after.began_at is None:
            continue
        gap_s = after.began_at - before.began_at - before.duration_s
        if after.began_at < before.began_at:
            yield f"4.3.2.6: {after.uri} was shown before {before.uri}"
        elif before.epoch == after.epoch and abs(gap_s) > PDT_TOLERANCE_S:
            yield f"4.3.2.6: {after.uri} does not follow {before.uri} in time ({gap_s:.3f} s)"


def _of_parts(playlist: MediaPlaylist) -> Iterator[str]:
    target_s = playlist.part_target_s
    if target_s is None:
        yield "bis 4.4.3.7: parts without EXT-X-PART-INF"
        return
    if float(playlist.control.get("PART-HOLD-BACK", 0)) < 2 * target_s:
        yield "bis 4.4.3.8: PART-HOLD-BACK is less than two part targets"
    for segment in playlist.segments:
        if segment.parts and abs(sum(part.duration_s for part in segment.parts) - segment.duration_s) > ROUNDING_S:
            yield f"bis 4.4.4.9: the parts of {segment.uri} do not add up to it"
        yield from _of_part_lengths(segment.parts, segment.parts[:-1], target_s)
    yield from _of_part_lengths(playlist.open_parts, playlist.open_parts[:-1], target_s)
    yield from _of_hints(playlist)


def _of_part_lengths(parts: Sequence[Part], all_but_last: Sequence[Part], target_s: float) -> Iterator[str]:
    for part in parts:
        if part.duration_s > target_s + ROUNDING_S:
            yield f"bis 4.4.3.7: {part.uri} is longer than the part target {target_s}"
    for part in all_but_last:
        if part.duration_s < 0.85 * target_s - ROUNDING_S:
            yield f"bis 4.4.4.9: {part.uri} ({part.duration_s} s) is under 85 % of the part target {target_s}"


def _of_hints(playlist: MediaPlaylist) -> Iterator[str]:
    known = {part.uri for segment in playlist.segments for part in segment.parts}
    known |= {part.uri for part in playlist.open_parts}
    if playlist.ended == bool(playlist.hints):
        yield "bis 4.4.5.3: a hint is wanted while the playlist grows, and only then"
    if known & set(playlist.hints):
        yield "bis 4.4.5.3: the hint is of a part that is there already"


def breaches_between(before_text: str, after_text: str) -> list[str]:
    """Everything that a player who reloads a live playlist may not see (6.2.1, 6.2.2)."""
    before, after = read(before_text), read(after_text)
    found = []
    if after.target_s < before.target_s:
        found.append("6.2.1: the target duration fell")
    if before.ended and after_text != before_text:
        found.append("6.2.1: an ended playlist changed")
    if after.first_number < before.first_number:
        found.append("6.2.2: the media sequence went back")
    if after.first_number > before.first_number and sum(s.duration_s for s in after.segments) < 3 * after.target_s:
        found.append("6.2.2: less than three target durations are left")
    known = {segment.number: segment for segment in before.segments}
    for segment in after.segments:
        old = known.get(segment.number, segment)
        if (old.uri, old.duration_s, old.epoch) != (segment.uri, segment.duration_s, segment.epoch):
            found.append(f"6.2.1: segment {segment.number} changed")
    if before.segments and after.segments and after.segments[-1].number < before.segments[-1].number:
        found.append("6.2.1: segments vanished from the end")
    return found


def breaches_across(one_text: str, other_text: str) -> list[str]:
    """What does not match between two renditions: the same moment counts the same discontinuities (6.2.4)."""
    return [
        f"6.2.4: {mine.uri} is in epoch {mine.epoch}, what is shown then elsewhere ({theirs.uri}) in {theirs.epoch}"
        for mine in read(one_text).segments
        for theirs in read(other_text).segments
        if mine.epoch != theirs.epoch and _overlap_s(mine, theirs) > KEYFRAMES_APART_S
    ] + _epochs_apart(read(one_text), read(other_text))


def _overlap_s(one: Segment, other: Segment) -> float:
    if one.began_at is None or other.began_at is None:
        return 0.0
    return min(one.began_at + one.duration_s, other.began_at + other.duration_s) - max(one.began_at, other.began_at)


def _epochs_apart(one: MediaPlaylist, other: MediaPlaylist) -> list[str]:
    """Epochs that both have begun must have begun at about the same time."""
    mine, theirs = _beginnings(one), _beginnings(other)
    return [
        f"6.2.4: epoch {epoch} begins {abs(mine[epoch] - theirs[epoch]):.2f} s apart"
        for epoch in mine.keys() & theirs.keys()
        if abs(mine[epoch] - theirs[epoch]) > KEYFRAMES_APART_S
    ]


def _beginnings(playlist: MediaPlaylist) -> dict[int, float]:
    """When each epoch began that begins within the playlist; not those that the rendition came to late."""
    found = {}
    for before, after in zip(playlist.segments, playlist.segments[1:], strict=False):
        if after.epoch == before.epoch + 1 and after.began_at is not None:
            found[after.epoch] = after.began_at
    return found


def breaches_of_master(text: str) -> list[str]:
    """Everything that is wrong with a master playlist (4.3.4)."""
    lines = text.splitlines()
    found = [] if lines[:1] == ["#EXTM3U"] else ["4.3.1.1: the first line is not #EXTM3U"]
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("#EXT-X-STREAM-INF:"):
            described = attributes(line.partition(":")[2])
            if int(described.get("BANDWIDTH", 0)) <= 0:
                found.append("4.3.4.2: a variant without BANDWIDTH")
            if "CODECS" not in described:
                found.append("4.3.4.2: a variant without CODECS")
            if not following or following.startswith("#"):
                found.append("4.3.4.2: EXT-X-STREAM-INF is not followed by a URI")
        elif line.startswith("#EXTINF"):
            found.append("4.1: a media segment in a master playlist")
    variants = [line for line in lines if line and not line.startswith("#")]
    if len(set(variants)) != len(variants) or not variants:
        found.append("4.3.4.2: no variants, or one named twice")
    return found
