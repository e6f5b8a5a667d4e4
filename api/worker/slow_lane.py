"""The few threads that may be held up by slow clients at once, and who waits for one of them."""

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class SlowLane(Generic[T]):
    """Room for `most` at once; whoever finds none waits in line, outside of any thread."""

    def __init__(self, most: int) -> None:
        self._room = most
        self._line: deque[T] = deque()
        self._gate = threading.Lock()

    def enter(self, who: T) -> bool:
        """Take a place and return True, or be put in line."""
        with self._gate:
            if self._room > 0:
                self._room -= 1
                return True
            self._line.append(who)
            return False

    def leave(self) -> None:
        """Free a place."""
        with self._gate:
            self._room += 1

    def following(self) -> T | None:
        """Take the first out of the line, where there is room; they then try to enter.

        To be asked again where they turn out to be gone, or those behind would wait for nobody.
        """
        if not self._line:
            return None
        with self._gate:
            return self._line.popleft() if self._line and self._room > 0 else None
