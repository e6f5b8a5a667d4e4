"""One room as this process knows it: its members, those on their way in, and the order of its messages."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from uuid import UUID

from realtime.answers import Lagging, encode
from realtime.audience import Audience, Burst, Hearer
from realtime.fan_out import FanOut
from realtime.sequence import Numbered
from realtime.sequence import Sequence as Order

Gap = tuple[int, int]  # two numbers between which messages are missing


class Arrival:
    """A socket that hears the room but has not got its history yet: what it hears is held.

    From then on it has an order of its own, until it is where the room is: what the history brought is not
    said again, and what neither the history nor the topic brought shows as a gap.
    """

    def __init__(self, hearer: Hearer, name: bytes) -> None:
        self.hearer, self.name = hearer, name
        self._order = Order()
        self._held: list[Numbered] = []

    @property
    def reached(self) -> int | None:
        """The last number up to which the socket has everything; None before its history."""
        return self._order.passed

    def take(self, items: Iterable[Numbered]) -> None:
        if self.reached is None:
            self._held += items
            return
        self._push(self._order.take(items))

    def settle(self, floor: int) -> None:
        self._order.start(floor)
        held, self._held = self._held, []
        self.take(held)

    def lacks(self, passed: int) -> Gap | None:
        """What is missing, where the room has passed on everything up to `passed`: both ends exclusive."""
        if self.reached is None or self.reached >= passed:
            return None
        return self._order.gap or (self.reached, passed + 1)

    def fill(self, gap: Gap, found: list[Numbered], dropped: int) -> None:
        """Take what the database had in a gap; the oldest may be too many to be told, but that is told."""
        lagging = [Numbered(0, encode(Lagging(dropped)))] if dropped > 0 else []
        self._push([*lagging, *self._order.fill(found, gap[1])])

    def _push(self, ready: Sequence[Numbered]) -> None:
        if ready:
            events = [item.event for item in ready]
            self.hearer.push(Burst(events, self.name, self.hearer.dialect))


class Room:
    """Messages are passed on in order, each once; other events as they come."""

    def __init__(
        self,
        room_id: UUID,
        left_behind: Callable[["Room"], None] = lambda _room: None,
        fan_out: FanOut | None = None,
    ) -> None:
        """`left_behind` is called where an arrival lacks what the room has passed on already."""
        self.id = room_id
        self._left_behind = left_behind
        self.order = Order()
        self.is_mending = False
        self._audience = Audience(fan_out)
        self._arrivals: dict[Hearer, Arrival] = {}
        self._names: dict[Hearer, bytes] = {}

    @property
    def is_empty(self) -> bool:
        return not self._names

    @property
    def lacking(self) -> Gap | None:
        """What some arrivals have not got although the room has passed it on; None where nobody lacks anything."""
        passed = self.order.passed
        gaps = (arrival.lacks(passed) for arrival in self._arrivals.values() if passed is not None)
        return next((gap for gap in gaps if gap is not None), None)

    def arrive(self, hearer: Hearer, alias: str) -> None:
        """Start to hold what this socket hears; joining again changes the name by which it hears."""
        self.leave(hearer)
        self._names[hearer] = _encoded(alias)
        self._arrivals[hearer] = Arrival(hearer, self._names[hearer])

    def settle(self, hearer: Hearer, last_seq: int) -> None:
        """The socket was shown everything up to `last_seq`; go on from there."""
        arrival = self._arrivals.get(hearer)
        if arrival is None:
            return  # it left meanwhile
        arrival.settle(last_seq)
        self.tell(self.order.start(last_seq))
        self._admit([arrival])  # the others are where they were: thousands may be arriving at the same time
        if self.order.passed is not None and arrival.lacks(self.order.passed):
            self._left_behind(self)

    def catch_up(self, gap: Gap, found: list[Numbered], dropped: int) -> None:
        """Give arrivals that lack just this what the database had of it."""
        for arrival in list(self._arrivals.values()):
            if self.order.passed is not None and arrival.lacks(self.order.passed) == gap:
                arrival.fill(gap, found, dropped)
        self._admit(self._arrivals.values())

    def leave(self, hearer: Hearer) -> None:
        name = self._names.pop(hearer, None)
        if name is not None and self._arrivals.pop(hearer, None) is None:
            self._audience.remove(hearer, name)

    def hear(self, items: Iterable[Numbered]) -> int:
        """Take what the topic brought; returns how many deliveries it made."""
        return self.tell(self.order.take(items))

    def tell(self, ready: Sequence[Numbered]) -> int:
        """Say events to everybody in the room."""
        if not ready:
            return 0
        told = self._audience.tell([item.event for item in ready]) + len(self._arrivals)
        if self._arrivals:
            for arrival in list(self._arrivals.values()):
                arrival.take(ready)
            self._admit(self._arrivals.values())
        return told * len(ready)

    def _admit(self, arrivals: Iterable[Arrival]) -> None:
        """Arrivals that are where the room is hear with everybody else."""
        for arrival in list(arrivals):
            is_there = arrival.reached is not None and arrival.reached == self.order.passed
            if is_there and self._arrivals.pop(arrival.hearer, None) is not None:
                self._audience.add(arrival.hearer, arrival.name)


@lru_cache(maxsize=4096)
def _encoded(alias: str) -> bytes:
    """A room's name as a JSON string, one object for all who hear the room by it."""
    return encode(alias)
