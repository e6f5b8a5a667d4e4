"""A progress bar for commands that take their time: redrawn on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TextIO, TypeVar

Item = TypeVar("Item")

WIDTH = 30
REDRAW_S = 0.1
LINES_WITHOUT_TERMINAL = 4


class Bar:
    """How far one step of known length is."""

    def __init__(self, name: str, total: int, out: TextIO | None = None) -> None:
        self._name, self._total, self._out = name, max(total, 1), out or sys.stdout
        self._done, self._began_at, self._drawn_at, self._quarter = 0, time.monotonic(), 0.0, 0

    def over(self, items: Iterable[Item]) -> Iterator[Item]:
        """Hand the items on, and show how many went by."""
        for item in items:
            self._done += 1
            if self._done & 1023 == 0:
                self._show()
            yield item
        self._show(last=True)

    def _show(self, *, last: bool = False) -> None:
        now = time.monotonic()
        quarter = LINES_WITHOUT_TERMINAL * self._done // self._total
        if self._out.isatty():
            if last or now - self._drawn_at >= REDRAW_S:
                self._drawn_at = now
                self._out.write(f"\r{self._line(now)}{chr(10) if last else ''}")
        elif last or quarter > self._quarter:
            self._quarter = quarter
            self._out.write(f"{self._line(now)}\n")
        self._out.flush()

    def _line(self, now: float) -> str:
        part = min(1.0, self._done / self._total)
        filled = round(part * WIDTH)
        rate = self._done / max(now - self._began_at, 1e-6)
        bar = "█" * filled + "░" * (WIDTH - filled)
        return f"{self._name:<12} {bar} {part:4.0%}  {self._done:>9,} of {self._total:,}  {rate:>9,.0f}/s"
