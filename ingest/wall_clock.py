"""When a moment of a broadcast was shown: media time to the time of day."""

from collections import deque
from typing import Final

from ingest.epochs import ALMOST_S

FURTHEST_S: Final = 120.0
#: Media this much ahead of the clock show that the clock is not theirs, and so do media that are this
#: much behind it for so long: longer than what a network can hold back before its connection is given up.
AHEAD_S: Final = 0.5
BEHIND_S: Final = 4.0
BEHIND_FOR_S: Final = 6.0
REMEMBERED: Final = 64


class WallClock:
    """Knows, for every connection of the encoder, how its media time relates to real time.

    Networks delay and never hasten: of all that arrived until the first moment was asked for,
    what came soonest tells when it was shown. From then on the clock stands.
    """

    def __init__(self) -> None:
        self._anchors: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)
        self._is_settled = False
        self._is_new = True
        self._behind_since_s: float | None = None

    def restart(self) -> None:
        """Prepare for another connection, whose media time relates to real time in a way of its own."""
        self._is_new = True

    def arrived(self, media_s: float, at: float) -> None:
        """Say that what has this media time arrived at `at` (seconds since 1970)."""
        offset_s = at - media_s
        if self._is_new or (self._is_settled and self._is_another(media_s, offset_s)):
            self._anchors.append((media_s, offset_s))
            self._is_new = self._is_settled = False
            self._behind_since_s = None
        elif not self._is_settled and offset_s < self._anchors[-1][1]:
            self._anchors[-1] = (self._anchors[-1][0], offset_s)

    def shown_at(self, media_s: float, now: float) -> float:
        """Return seconds since 1970; `now` where the media time makes no sense."""
        self._is_settled = True
        for since_s, offset_s in reversed(self._anchors):
            if media_s >= since_s - ALMOST_S:
                return self._sensible(media_s + offset_s, now)
        # Sound may begin a little before the first picture.
        return self._sensible(media_s + self._anchors[0][1], now) if self._anchors else now

    def _is_another(self, media_s: float, offset_s: float) -> bool:
        behind_s = offset_s - self._anchors[-1][1]
        if behind_s < BEHIND_S:
            self._behind_since_s = None
        elif self._behind_since_s is None:
            self._behind_since_s = media_s
        is_behind = self._behind_since_s is not None and media_s - self._behind_since_s > BEHIND_FOR_S
        return is_behind or behind_s < -AHEAD_S

    @staticmethod
    def _sensible(time: float, now: float) -> float:
        return time if abs(time - now) < FURTHEST_S else now
