"""Who hears one topic, and how an event reaches them: framed once for each way of hearing it."""

from collections.abc import Sequence
from typing import Protocol

from realtime.answers import with_room
from realtime.dialects import Dialect
from realtime.fan_out import FanOut
from realtime.hiding import Hidden, speaker, without

MESSAGE = b'{"type":"new_message"'

Manner = tuple[bytes, Dialect]  # the room's name as a JSON string (empty: none), and the dialect


class Burst:
    """The frames of several events as one write; without the chat messages for those who lag."""

    __slots__ = ("_dialect", "_events", "_for_others", "_room", "_speakers", "data", "essential", "messages")

    def __init__(self, events: Sequence[bytes], room: bytes, dialect: Dialect) -> None:
        self._events, self._room, self._dialect = events, room, dialect
        self._speakers: Hidden | None = None
        self._for_others: dict[Hidden, Burst] = {}
        frames = [
            (event.startswith(MESSAGE), dialect.frame(with_room(event, room) if room else event)) for event in events
        ]
        self.data = b"".join(frame for _, frame in frames)
        self.messages = sum(is_message for is_message, _ in frames)
        self.essential = (
            b"".join(frame for is_message, frame in frames if not is_message) if self.messages else self.data
        )

    def seen_by(self, hidden: Hidden) -> "Burst":
        """The burst for somebody who blocks these people: itself, unless one of them speaks in it."""
        if self._speakers is None:
            self._speakers = frozenset(filter(None, map(speaker, self._events)))
        met = self._speakers & hidden
        if not met:
            return self
        if met not in self._for_others:
            self._for_others[met] = Burst(without(self._events, met), self._room, self._dialect)
        return self._for_others[met]


class Hearer(Protocol):
    """A socket, as an audience sees it."""

    dialect: Dialect

    def push(self, burst: Burst) -> None: ...


class Audience:
    """The sockets that hear a topic, grouped by the manner in which they hear it.

    What is told while they are being written to gathers, and is one write to each of them afterwards. Whoever
    comes meanwhile hears what is told from then on.
    """

    def __init__(self, fan_out: FanOut | None = None) -> None:
        """Without a `fan_out` everybody is written to at once."""
        self._fan_out = fan_out
        self._groups: dict[Manner, dict[Hearer, None]] = {}
        self._told: list[bytes] = []
        self._under_way: list[tuple[Burst, dict[Hearer, None]]] = []

    def __bool__(self) -> bool:
        return bool(self._groups)

    @property
    def is_waiting(self) -> bool:
        """Whether somebody has not got everything yet."""
        return bool(self._told or self._under_way)

    def add(self, hearer: Hearer, room: bytes = b"") -> None:
        self._finish()
        self._groups.setdefault((room, hearer.dialect), {})[hearer] = None

    def remove(self, hearer: Hearer, room: bytes = b"") -> None:
        manner = (room, hearer.dialect)
        group = self._groups.get(manner, {})
        group.pop(hearer, None)
        if not group:
            self._groups.pop(manner, None)
        for _, left in self._under_way:
            left.pop(hearer, None)

    def tell(self, events: Sequence[bytes]) -> int:
        """Have the events written to every socket; returns to how many."""
        self._told += events
        if self._fan_out is None:
            self._finish()
        else:
            self._fan_out.begin(self)
        return sum(map(len, self._groups.values()))

    def write(self, most: int) -> int:
        """Write to at most so many sockets; returns to how many."""
        written = 0
        while written < most and self.is_waiting:
            if not self._under_way:
                self._begin()
            elif self._under_way[-1][1]:
                written += self._write_some(most - written)
            else:
                self._under_way.pop()
        return written

    def _finish(self) -> None:
        while self.is_waiting:
            self.write(1000)

    def _begin(self) -> None:
        told, self._told = self._told, []
        self._under_way = [(Burst(told, room, dialect), dict(group)) for (room, dialect), group in self._groups.items()]

    def _write_some(self, most: int) -> int:
        burst, left = self._under_way[-1]
        count = min(most, len(left))
        for _ in range(count):
            hearer, _ = left.popitem()
            hearer.push(burst)  # which may close the socket; it then leaves
        return count
