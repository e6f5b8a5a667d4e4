"""One continuous media clock for a broadcast, whatever the encoder's timestamps do.

Encoders begin anywhere, wrap at 2**32 ms, start anew when they reconnect and
sometimes jump. Readers and renditions see times that only go on.
"""

from typing import Final

MODULUS: Final = 1 << 32
LARGEST_JUMP_MS: Final = 5_000
GAP_MS: Final = 40


class Timeline:
    """Maps an encoder's timestamps (ms, modulo 2**32) to milliseconds since the start."""

    def __init__(self, origin_ms: int = 0) -> None:
        self._next_origin_ms = origin_ms
        self._last_raw: int | None = None
        self._last_ms = origin_ms
        self._latest_ms = origin_ms

    @property
    def latest_ms(self) -> int:
        """The furthest time given out."""
        return self._latest_ms

    def restart(self) -> None:
        """Let the next timestamp, whatever it is, follow the last one."""
        self._last_raw = None
        self._next_origin_ms = self._latest_ms + GAP_MS

    def shift(self, by_ms: int) -> None:
        """Move all times to come."""
        self._next_origin_ms += by_ms
        self._last_ms += by_ms
        self._latest_ms += by_ms

    def at(self, raw: int) -> int:
        """Return the time of a timestamp; a jump either way is taken as a new beginning."""
        if self._last_raw is None:
            step = self._next_origin_ms - self._last_ms
        else:
            step = (raw - self._last_raw + MODULUS // 2) % MODULUS - MODULUS // 2
            if abs(step) > LARGEST_JUMP_MS:
                step = self._latest_ms + GAP_MS - self._last_ms
        self._last_raw = raw
        self._last_ms += step
        self._latest_ms = max(self._latest_ms, self._last_ms)
        return max(0, self._last_ms)
