"""One rendition of a live stream: parts gathered into segments, and the window that players see."""

from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from ingest.parts import Description, Init, Part

SEGMENT_S: Final = 1.0
LONGEST_SEGMENT_S: Final = 10.0
MAX_SEGMENT_BYTES: Final = 32 << 20
SEGMENTS_WITH_PARTS: Final = 3
FEWEST_IN_WINDOW: Final = 4
SHORTEST_PART_TARGET_S: Final = 0.35
#: More parts than any segment has.
PARTS_APART: Final = 1_000

_ALMOST_S = 0.1


class Segment(msgspec.Struct, frozen=True):
    """A closed segment. `started_at` is in seconds since 1970, `size` in bytes.

    `init` is the number of its initialisation segment, `epoch` its discontinuity sequence
    number: one that is higher than that of the segment before does not continue it. `ends_s` is
    the media time at which it ends.
    """

    number: int
    init: int
    duration_s: float
    started_at: float
    size: int
    epoch: int
    independent: bool
    ends_s: float = 0.0
    parts: tuple[Part, ...] = ()

    @property
    def file_name(self) -> str:
        return f"{self.number}.m4s"


class Rendition:
    """A rendition's segments: the one that grows, and the closed ones still offered."""

    def __init__(
        self, name: str, window_s: float, wall_time: Callable[[Part], float], epoch_at: Callable[[float], int]
    ) -> None:
        """`window_s` is how far back players may go; `wall_time` tells when a part was shown.

        `epoch_at` tells the discontinuity sequence number of what has a media time in seconds.
        """
        self.name = name
        self.description = Description()
        self.closed: deque[Segment] = deque()
        self.parts: list[Part] = []
        self.init_data = b""
        self.init_number = -1
        self.next_number = 0
        self.first_part = 0
        self.longest_s = 0.0
        self.longest_part_s = 0.0
        self.peak_bps = 0.0
        self.ended = False
        self._window_s = window_s
        self._wall_time = wall_time
        self._epoch_at = epoch_at
        self.open_started_at = 0.0
        self.open_epoch = 0
        self.until_s: float | None = None

    @property
    def open_duration_s(self) -> float:
        """How long the growing segment is so far."""
        return sum(part.duration_s for part in self.parts)

    @property
    def target_duration_s(self) -> int:
        """EXT-X-TARGETDURATION: the longest segment so far, rounded (RFC 8216, 4.3.3.1)."""
        return max(1, round(self.longest_s))

    @property
    def part_target_s(self) -> float:
        """EXT-X-PART-INF's PART-TARGET: no part may be longer."""
        return max(self.longest_part_s, SHORTEST_PART_TARGET_S)

    @property
    def first_position(self) -> tuple[int, int]:
        """The number of the first segment that is offered, and its discontinuity sequence number."""
        if self.closed:
            return self.closed[0].number, self.closed[0].epoch
        return self.next_number, self.open_epoch

    @property
    def last_position(self) -> tuple[int, int]:
        """The numbers of the last segment that has a part, and of that part."""
        if self.parts or not self.closed:
            return self.next_number, max(0, len(self.parts) - 1)
        last = self.closed[-1]
        return last.number, max(0, len(last.parts) - 1)

    @property
    def last_is_discontinuous(self) -> bool:
        """Whether the last closed segment does not continue the one before it."""
        return len(self.closed) > 1 and self.closed[-1].epoch != self.closed[-2].epoch

    @property
    def average_bps(self) -> float:
        """Bits a second over the window, or over the first parts while there is nothing else."""
        size, seconds = sum(segment.size for segment in self.closed), sum(s.duration_s for s in self.closed)
        if not seconds:
            size, seconds = sum(len(part.data) for part in self.parts), self.open_duration_s
        return 8 * size / seconds if seconds else 0.0

    def restore(self, segments: list[Segment], inits: int) -> None:
        """Go on after segments that an earlier process made, the last of them last, with so many `inits`.

        Where that died, players and caches have parts of a segment that it did not finish: the number of the
        segment is given again, and so its parts are counted from where nobody has.
        """
        self.first_part = PARTS_APART * inits
        for segment in segments:
            self._close(segment)
            self.until_s = segment.ends_s or None
        self.init_number = inits - 1

    def begin(self, init: Init) -> Segment | None:
        """Use a new initialisation segment from the next part on; return what that closes."""
        closed = self.cut()
        self.description = init.description
        self.init_data = init.data
        self.init_number += 1
        return closed

    def add(self, part: Part) -> Segment | None:
        """Take a part; return the segment before it, if the part begins a new one."""
        closed = self.cut() if self._begins_segment(part) else None
        if not self.parts:
            self.open_started_at = self._wall_time(part)
            self.open_epoch = self._epoch_at(part.decode_time_s)
        self.parts.append(part)
        self.until_s = part.decode_time_s + part.duration_s
        self.longest_part_s = max(self.longest_part_s, part.duration_s)
        return closed

    def cut(self) -> Segment | None:
        """Close the growing segment, if there is anything in it."""
        if not self.parts:
            return None
        segment = Segment(
            number=self.next_number,
            init=self.init_number,
            duration_s=self.open_duration_s,
            started_at=self.open_started_at,
            size=sum(len(part.data) for part in self.parts),
            epoch=self.open_epoch,
            independent=self.parts[0].independent,
            ends_s=self.until_s or 0.0,
            parts=tuple(self.parts),
        )
        self.parts = []
        self._close(segment)
        return segment

    def _begins_segment(self, part: Part) -> bool:
        duration_s = self.open_duration_s
        if part.independent and (duration_s >= SEGMENT_S - _ALMOST_S or self._is_broken_off(part)):
            return True
        size = sum(len(waiting.data) for waiting in self.parts)
        return duration_s >= LONGEST_SEGMENT_S or size > MAX_SEGMENT_BYTES

    def _is_broken_off(self, part: Part) -> bool:
        return bool(self.parts) and self._epoch_at(part.decode_time_s) != self.open_epoch

    def _close(self, segment: Segment) -> None:
        self.closed.append(segment)
        self.next_number = segment.number + 1
        self.longest_s = max(self.longest_s, segment.duration_s)
        if segment.duration_s > SEGMENT_S / 2 or not self.peak_bps:
            self.peak_bps = max(self.peak_bps, 8 * segment.size / segment.duration_s)
        self._forget_old_parts()
        self._slide()

    def _forget_old_parts(self) -> None:
        index = len(self.closed) - 1 - SEGMENTS_WITH_PARTS
        if index >= 0 and self.closed[index].parts:
            self.closed[index] = msgspec.structs.replace(self.closed[index], parts=())

    def _slide(self) -> None:
        total_s = sum(segment.duration_s for segment in self.closed)
        while len(self.closed) > FEWEST_IN_WINDOW and total_s - self.closed[0].duration_s > self._window_s:
            total_s -= self.closed.popleft().duration_s
