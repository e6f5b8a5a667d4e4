"""When a moment of a broadcast was shown: media time to the time of day."""

from collections import deque
from typing import Final

FURTHEST_S: Final = 120.0
#: Media this much ahead of the clock, or this much behind it, show that the clock is not theirs.
AHEAD_S: Final = 0.5
BEHIND_S: Final = 4.0
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

    def restart(self) -> None:
        """Prepare for another connection, whose media time relates to real time in a way of its own."""
        self._is_new = True

    def arrived(self, media_s: float, at: float) -> None:
        """Say that what has this media time arrived at `at` (seconds since 1970)."""
        offset_s = at - media_s
        if self._is_new or (self._is_settled and self._is_another(offset_s)):
            self._anchors.append((media_s, offset_s))
            self._is_new = self._is_settled = False
        elif not self._is_settled and offset_s < self._anchors[-1][1]:
            self._anchors[-1] = (self._anchors[-1][0], offset_s)

    def shown_at(self, media_s: float, now: float) -> float:
        """Return seconds since 1970; `now` where the media time makes no sense."""
        self._is_settled = True
        for since_s, offset_s in reversed(self._anchors):
            if media_s >= since_s:
                return self._sensible(media_s + offset_s, now)
        return now

    def _is_another(self, offset_s: float) -> bool:
        return not -AHEAD_S < offset_s - self._anchors[-1][1] < BEHIND_S

    @staticmethod
    def _sensible(time: float, now: float) -> float:
        return time if abs(time - now) < FURTHEST_S else now
