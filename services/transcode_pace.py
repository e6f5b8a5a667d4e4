"""Whether an encoder keeps up with its source, judged over windows so that a hiccup sheds nothing."""

from typing import Protocol

import psutil

WINDOW_S = 5.0
WINDOWS_BEHIND = 2
KEEPING_UP = 0.92
CPU_FULL = 0.9


class CpuClock(Protocol):
    """Says how much of the machine was busy since it was asked last, from 0 to 1."""

    def busy_share(self) -> float: ...


class MachineClock:
    """The processors of this machine."""

    def __init__(self) -> None:
        self._last = psutil.cpu_times()

    def busy_share(self) -> float:
        now, before = psutil.cpu_times(), self._last
        self._last = now
        passed = sum(now[:8]) - sum(before[:8])
        idle = now.idle - before.idle + getattr(now, "iowait", 0.0) - getattr(before, "iowait", 0.0)
        return 1.0 - idle / passed if passed > 0 else 0.0


class Pace:
    """Frames and media time against the wall clock.

    An encoder that gets nothing to do is slow as well: only a machine without room to spare makes
    slowness count. An encoder on other hardware passes None for `cpu`.
    """

    def __init__(self, started_at: float, fps: float | None, cpu: CpuClock | None) -> None:
        self._since, self._fps, self._cpu = started_at, fps, cpu
        self._frames, self._media_s = 0, 0.0
        self._behind = 0
        self.ratio = 1.0

    def is_falling_behind(self, at: float, frames: int, media_s: float) -> bool:
        """Take a report, with `at` in seconds of a monotonic clock; True when room must be made."""
        wall_s = at - self._since
        if wall_s < WINDOW_S:
            return self._behind >= WINDOWS_BEHIND
        self.ratio = self._ratio(wall_s, frames - self._frames, media_s - self._media_s)
        is_full = self._cpu is None or self._cpu.busy_share() >= CPU_FULL
        self._behind = self._behind + 1 if self.ratio < KEEPING_UP and is_full else 0
        self._since, self._frames, self._media_s = at, frames, media_s
        return self._behind >= WINDOWS_BEHIND

    def _ratio(self, wall_s: float, frames: int, media_s: float) -> float:
        by_time = media_s / wall_s
        return min(by_time, frames / (wall_s * self._fps)) if self._fps else by_time
