"""Which renditions a master playlist names, and when the first one may be shown."""

from collections.abc import Collection, Sequence
from typing import Final

from ingest.renditions import Rendition
from ingest.statistics import LONGEST_PLAYABLE_KEYFRAME_INTERVAL_S

SOURCE: Final = "source"
RUNGS: Final = ("1080p", "720p", "480p", "360p", "audio")

#: Counted from the source's first part: how long the first master playlists wait to be complete,
#: since players load them once and learn of nothing that comes later.
PLAIN_PATIENCE_S: Final = 3.0
LOW_LATENCY_PATIENCE_S: Final = 1.2


def is_complete(offered: Sequence[Rendition], expected: Collection[str]) -> bool:
    """Return whether the source and the rungs that are being uploaded, at least one, are all there."""
    names = {rendition.name for rendition in offered}
    return SOURCE in names and len(names) > 1 and names.issuperset(expected)


def worth_playing(found: Sequence[Rendition]) -> list[Rendition]:
    """Leave out a source that not every player can show, or join soon, where there is a rung to play instead.

    HEVC and AV1 are left out in any case.
    """
    found = [rendition for rendition in found if not rendition.description.is_for_few]
    has_rung = any(rendition.description.has_picture for rendition in found if rendition.name != SOURCE)
    return [rendition for rendition in found if not (has_rung and (_is_slow_source(rendition) or _is_odd(rendition)))]


def _is_odd(rendition: Rendition) -> bool:
    return not rendition.description.plays_everywhere


def _is_slow_source(rendition: Rendition) -> bool:
    longest_s = max([rendition.open_duration_s, *(segment.duration_s for segment in rendition.closed)])
    return rendition.name == SOURCE and longest_s > LONGEST_PLAYABLE_KEYFRAME_INTERVAL_S + 0.5
