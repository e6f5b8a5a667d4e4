"""The numbered messages of one room, put back in order: what several processes publish may cross."""

from collections.abc import Iterable

import msgspec


class Numbered(msgspec.Struct, frozen=True, gc=False):
    """One event of a room; `seq` is 0 for everything but messages, `cause` the request that led to it."""

    seq: int
    event: bytes
    cause: str = ""


def read_payload(payload: bytes) -> list[Numbered]:
    """What travels on a topic; raises ValueError.

    For each event a line with its decimal seq, and at times the id of the request that led to it, then one with
    the event: a batch of messages is one payload.
    """
    lines = payload.split(b"\n")
    if len(lines) % 2:
        raise ValueError("a payload without a sequence number")
    return [_numbered(head, event) for head, event in zip(lines[::2], lines[1::2], strict=True)]


def last_seq(payload: bytes) -> int:
    """The seq of the last event of a payload, without reading the others; raises ValueError."""
    last_event = payload.rfind(b"\n")
    return int(payload[payload.rfind(b"\n", 0, max(0, last_event)) + 1 : last_event].partition(b" ")[0])


def _numbered(head: bytes, event: bytes) -> Numbered:
    seq, _, cause = head.partition(b" ")
    return Numbered(int(seq), event, cause.decode()) if cause else Numbered(int(seq), event)


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

    def take(self, items: Iterable[Numbered]) -> list[Numbered]:
        """Take what was heard; returns what may be passed on now: messages in order, everything else as it came."""
        ready: list[Numbered] = []
        for item in items:
            if not item.seq:
                ready.append(item)
            elif self.passed is None or item.seq > self.passed + 1:
                self._held[item.seq] = item
            elif item.seq == self.passed + 1:
                self.passed = item.seq
                ready.append(item)
                if self._held:
                    ready += self._release()
        return ready

    def has_passed(self, seq: int) -> bool:
        """Whether a message with this number was passed on, or never will be."""
        return self.passed is not None and 0 < seq <= self.passed

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
