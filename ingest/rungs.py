"""One upload of one rung: fragments from a transcoder, taken where they continue what there is."""

from collections.abc import Callable
from typing import Final

from ingest.epochs import ALMOST_S, Epochs
from ingest.mp4_boxes import FragmentReader
from ingest.parts import Init, Part

#: How much of a rung may be left out while it waits for the source's next segment.
LONGEST_WAIT_S: Final = 4.0

_ALMOST_S = 0.005


class RungIntake:
    """Reads an upload; a later upload of the same rung takes its place.

    A rung that broke off begins again behind what it has already, and not before the source
    has begun the segment that marks the break, so that both count the same discontinuities.
    """

    def __init__(
        self, take: Callable[["RungIntake", list[Init | Part]], None], epochs: Epochs, made_until_s: float | None
    ) -> None:
        """`made_until_s` is the media time at which the rung broke off, None for one that never was."""
        self.closed = False
        self._reader = FragmentReader()
        self._take = take
        self._epochs = epochs
        self._made_until_s = made_until_s

    def push(self, data: bytes) -> None:
        """Take bytes of fragmented MP4; raises ProtocolError."""
        outputs = [output for output in self._reader.push(data) if isinstance(output, Init) or self._continues(output)]
        if outputs and not self.closed:
            self._take(self, outputs)

    def _continues(self, part: Part) -> bool:
        if self._made_until_s is None:
            return True
        missing_s = part.decode_time_s - self._made_until_s
        if missing_s < -_ALMOST_S or not part.independent:
            return False
        if self._epochs.break_is_due:
            if missing_s < LONGEST_WAIT_S:
                return False
            self._epochs.begin(part.decode_time_s)
        is_after_break = self._epochs.at(part.decode_time_s) > self._epochs.at(self._made_until_s - 2 * ALMOST_S)
        if is_after_break:
            self._made_until_s = None
        return is_after_break
