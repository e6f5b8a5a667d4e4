"""One room as this process knows it: its members, those on their way in, and the order of its messages."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from uuid import UUID

from realtime.answers import encode
from realtime.audience import Audience, Hearer, burst_of
from realtime.sequence import Numbered
from realtime.sequence import Sequence as Order


class Arrival:
    """A socket that hears the room but has not got its history yet: what it hears is held.

    Once it has everything up to `floor`, what the history brought is not said again.
    """

    def __init__(self, hearer: Hearer, name: bytes) -> None:
        self.hearer, self.name = hearer, name
        self.floor: int | None = None
        self._held: list[Numbered] = []

    def take(self, items: Iterable[Numbered]) -> None:
        if self.floor is None:
            self._held += items
            return
        news = [item.event for item in items if item.seq == 0 or item.seq > self.floor]
        if news:
            self.hearer.push(burst_of(news, self.name, self.hearer.dialect))

    def settle(self, floor: int) -> None:
        self.floor = floor
        held, self._held = self._held, []
        self.take(held)


class Room:
    """Messages are passed on in order, each once; other events as they come."""

    def __init__(self, room_id: UUID) -> None:
        self.id = room_id
        self.order = Order()
        self.is_mending = False
        self._audience = Audience()
        self._arrivals: dict[Hearer, Arrival] = {}
        self._names: dict[Hearer, bytes] = {}

    @property
    def is_empty(self) -> bool:
        return not self._names

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
        self._admit()

    def leave(self, hearer: Hearer) -> None:
        name = self._names.pop(hearer, None)
        if name is not None and self._arrivals.pop(hearer, None) is None:
            self._audience.remove(hearer, name)

    def hear(self, items: Iterable[Numbered]) -> int:
        """Take what the topic brought; returns how many deliveries it made."""
        ready: list[Numbered] = []
        for item in items:
            if item.seq:
                ready += self.order.accept(item)
            else:
                ready.append(item)
        return self.tell(ready)

    def tell(self, ready: Sequence[Numbered]) -> int:
        """Say events to everybody in the room."""
        if not ready:
            return 0
        told = self._audience.tell([item.event for item in ready]) + len(self._arrivals)
        if self._arrivals:
            for arrival in list(self._arrivals.values()):
                arrival.take(ready)
            self._admit()
        return told * len(ready)

    def _admit(self) -> None:
        """Arrivals whose history the room has caught up with hear with everybody else."""
        passed = self.order.passed
        for hearer, arrival in list(self._arrivals.items()):
            if passed is not None and arrival.floor is not None and passed >= arrival.floor:
                del self._arrivals[hearer]
                self._audience.add(hearer, arrival.name)


@lru_cache(maxsize=4096)
def _encoded(alias: str) -> bytes:
    """A room's name as a JSON string, one object for all who hear the room by it."""
    return encode(alias)
