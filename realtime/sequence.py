"""The numbered messages of one room, put back in order: what several processes publish may cross."""

import msgspec


class Numbered(msgspec.Struct, frozen=True):
    """One event of a room; `seq` is 0 for everything but messages, `cause` the request that led to it."""

    seq: int
    event: bytes
    cause: str = ""


def read_payload(payload: bytes) -> Numbered:
    """What travels on a topic: the decimal seq, at times a request's id, a line feed, the event; raises ValueError."""
    head, separator, event = payload.partition(b"\n")
    if not separator:
        raise ValueError("a payload without a sequence number")
    seq, _, cause = head.partition(b" ")
    return Numbered(int(seq), event, cause.decode())


class Sequence:
    """Passes messages on in the order of their numbers, each once; holds those beyond a gap.

    Until `start` says what the room's members have already got, everything is held.
    """

    def __init__(self) -> None:
        self.passed: int | None = None
        self._held: dict[int, Numbered] = {}

    @property
    def gap(self) -> tuple[int, int] | None:
        """The last number passed on and the first one held, where numbers between are missing."""
        if self.passed is None or not self._held:
            return None
        return self.passed, min(self._held)

    def start(self, last: int) -> list[Numbered]:
        """The first member knows everything up to `last`; returns what was held and follows on it."""
        if self.passed is None:
            self.passed = last
            self._held = {seq: item for seq, item in self._held.items() if seq > last}
        return self._release()

    def accept(self, item: Numbered) -> list[Numbered]:
        """Take one message; returns those that may be passed on now, in order."""
        if self.passed is not None and item.seq <= self.passed:
            return []
        if self.passed is None or item.seq > self.passed + 1:
            self._held[item.seq] = item
            return []
        self.passed = item.seq
        return [item, *self._release()]

    def fill(self, found: list[Numbered], before: int) -> list[Numbered]:
        """Close the gap below `before` with what the database had; what it lacks never comes."""
        if self.passed is None or before <= self.passed + 1:
            return []
        missing = [item for item in found if self.passed < item.seq < before]
        self.passed = before - 1
        self._held = {seq: item for seq, item in self._held.items() if seq >= before}
        return [*sorted(missing, key=_number), *self._release()]

    def _release(self) -> list[Numbered]:
        ready = []
        while self.passed is not None and (item := self._held.pop(self.passed + 1, None)):
            self.passed += 1
            ready.append(item)
        return ready


def _number(item: Numbered) -> int:
    return item.seq
