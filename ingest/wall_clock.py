"""When a moment of a broadcast was shown: media time to the time of day."""

from typing import Final

FURTHEST_S: Final = 120.0


class WallClock:
    """Remembers, for every connection of the encoder, how its media time relates to real time."""

    def __init__(self) -> None:
        self._anchors: list[tuple[float, float]] = []

    def mark(self, media_s: float, shown_at: float) -> None:
        """Say that what has this media time, and what follows, was shown at `shown_at` (seconds since 1970)."""
        self._anchors.append((media_s, shown_at - media_s))

    def shown_at(self, media_s: float, now: float) -> float:
        """Return seconds since 1970; `now` where the media time makes no sense."""
        for since, offset in reversed(self._anchors):
            if media_s >= since:
                return self._sensible(media_s + offset, now)
        return now

    @staticmethod
    def _sensible(time: float, now: float) -> float:
        return time if abs(time - now) < FURTHEST_S else now
