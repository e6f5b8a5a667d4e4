"""The discontinuities of one stream, numbered alike in all its renditions.

Players line renditions up by discontinuity sequence number (RFC 8216, 6.2.4), so what breaks
one rendition, such as a transcoder that dies, counts in every other.
"""

from bisect import bisect_right
from typing import Final

#: Sound begins up to a few frames before or after the picture with which an epoch begins.
ALMOST_S: Final = 0.1


class Epochs:
    """Stretches of media time without a break; the first segment of each is a discontinuity.

    The source leads: where a break is due, its next segment begins the next epoch. What has
    a place in time after that, in any rendition, belongs to it.
    """

    def __init__(self) -> None:
        self.break_is_due = False
        self._first = 0
        self._starts: list[float] = []

    def go_on(self, number: int) -> None:
        """Go on after an earlier process, whose last epoch had this number."""
        self._first = number

    def mark(self) -> None:
        """Say that something broke."""
        self.break_is_due = True

    def lead(self, time_s: float) -> int:
        """Return the epoch of a source segment that begins at a media time: a new one, if a break is due."""
        if self.break_is_due:
            self.begin(time_s)
        return self._first + len(self._starts)

    def begin(self, time_s: float) -> None:
        """Begin an epoch at a media time, no earlier than the last one."""
        self._starts.append(max([time_s, *self._starts[-1:]]))
        self.break_is_due = False

    def at(self, time_s: float) -> int:
        """Return the number of the epoch that a media time belongs to."""
        return self._first + bisect_right(self._starts, time_s + ALMOST_S)
