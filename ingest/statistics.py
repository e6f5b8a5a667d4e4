"""What a publisher really sends: bitrate, frame rate and keyframe interval, measured on the media clock."""

from collections import deque
from typing import Final

#: Beyond it players wait too long for a picture, and the source is transcoded for them.
LONGEST_PLAYABLE_KEYFRAME_INTERVAL_S: Final = 4.0
WINDOW_S: Final = 5


class _Second:
    """What arrived within one second of media time."""

    __slots__ = ("bytes", "frames", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.bytes = 0
        self.frames = 0


class Meter:
    """Counts over the last `WINDOW_S` full seconds of media time; dropped frames since the start.

    `nominal_fps` is what the encoder announced, None where it did not.
    """

    def __init__(self) -> None:
        self.total_bytes = 0
        self.nominal_fps: float | None = None
        self.dropped_frames = 0
        self._last_frame_ms: int | None = None
        self._seconds: deque[_Second] = deque(maxlen=WINDOW_S + 1)
        self._last_keyframe_ms: int | None = None
        self._latest_ms = 0
        self._measured_interval_s: float | None = None

    def count(self, time_ms: int, size: int, *, frame: bool, keyframe: bool) -> None:
        """Count one tag of `size` bytes."""
        self.total_bytes += size
        self._latest_ms = time_ms
        second = self._second(time_ms // 1000)
        second.bytes += size
        second.frames += frame
        if frame:
            self._count_dropped(time_ms)
        if keyframe:
            self._count_keyframe(time_ms)

    def restart(self) -> None:
        """Begin anew: another encoder session may send something else."""
        self._seconds.clear()
        self._last_keyframe_ms = None
        self._last_frame_ms = None
        self._measured_interval_s = None

    @property
    def keyframe_interval_s(self) -> float | None:
        """Seconds between the last two keyframes, or since the last one where that is too long already."""
        if self._last_keyframe_ms is None:
            return None
        waited_s = (self._latest_ms - self._last_keyframe_ms) / 1000
        is_overdue = waited_s > LONGEST_PLAYABLE_KEYFRAME_INTERVAL_S
        return max(waited_s, self._measured_interval_s or 0) if is_overdue else self._measured_interval_s

    @property
    def bitrate_kbps(self) -> int | None:
        """Kilobits a second, None before the first full second."""
        full = self._full_seconds
        return round(8 * sum(second.bytes for second in full) / len(full) / 1000) if full else None

    @property
    def fps(self) -> float | None:
        """Frames a second, None before the first full second."""
        full = self._full_seconds
        return sum(second.frames for second in full) / len(full) if full else None

    @property
    def _full_seconds(self) -> list[_Second]:
        """Leave out the second that is growing, and the first one, which may have begun late."""
        return list(self._seconds)[1:-1] or list(self._seconds)[:-1]

    def _second(self, number: int) -> _Second:
        if not self._seconds or number > self._seconds[-1].number:
            self._seconds.append(_Second(number))
        return self._seconds[-1]

    def _count_dropped(self, time_ms: int) -> None:
        """Count the frames that are missing between two, going by the announced frame rate."""
        if self._last_frame_ms is not None and self.nominal_fps:
            frames = round((time_ms - self._last_frame_ms) * self.nominal_fps / 1000)
            self.dropped_frames += max(0, frames - 1)
        self._last_frame_ms = time_ms

    def _count_keyframe(self, time_ms: int) -> None:
        if self._last_keyframe_ms is not None:
            self._measured_interval_s = (time_ms - self._last_keyframe_ms) / 1000
        self._last_keyframe_ms = time_ms
