"""Who hears one topic, and how an event reaches them: framed once for each way of hearing it."""

from collections.abc import Sequence
from typing import Protocol

from realtime.answers import with_room
from realtime.dialects import Dialect

MESSAGE = b'{"type":"new_message"'

Manner = tuple[bytes, Dialect]  # the room's name as a JSON string (empty: none), and the dialect


class Burst:
    """The frames of several events as one write; without the chat messages for those who lag."""

    __slots__ = ("data", "essential", "messages")

    def __init__(self, frames: Sequence[tuple[bool, bytes]]) -> None:
        self.data = b"".join(frame for _, frame in frames)
        self.messages = sum(is_message for is_message, _ in frames)
        self.essential = (
            b"".join(frame for is_message, frame in frames if not is_message) if self.messages else self.data
        )


class Hearer(Protocol):
    """A socket, as an audience sees it."""

    dialect: Dialect

    def push(self, burst: Burst) -> None: ...


class Audience:
    """The sockets that hear a topic, grouped by the manner in which they hear it."""

    def __init__(self) -> None:
        self._groups: dict[Manner, dict[Hearer, None]] = {}

    def __bool__(self) -> bool:
        return bool(self._groups)

    def add(self, hearer: Hearer, room: bytes = b"") -> None:
        self._groups.setdefault((room, hearer.dialect), {})[hearer] = None

    def remove(self, hearer: Hearer, room: bytes = b"") -> None:
        manner = (room, hearer.dialect)
        group = self._groups.get(manner, {})
        group.pop(hearer, None)
        if not group:
            self._groups.pop(manner, None)

    def tell(self, events: Sequence[bytes]) -> int:
        """Write the events to every socket; returns to how many."""
        told = 0
        for (room, dialect), group in list(self._groups.items()):  # a push may close a socket, which then leaves
            burst = burst_of(events, room, dialect)
            told += len(group)
            for hearer in list(group):
                hearer.push(burst)
        return told


def burst_of(events: Sequence[bytes], room: bytes, dialect: Dialect) -> Burst:
    """The events as one write, in one manner."""
    return Burst([
        (event.startswith(MESSAGE), dialect.frame(with_room(event, room) if room else event)) for event in events
    ])  # fmt: skip
