"""Topics and who hears them here: joining, leaving, and mending what was not heard."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Protocol
from uuid import UUID

import msgspec
import structlog

from realtime.answers import Lagging, encode, event_name, type_first
from realtime.audience import Audience, Hearer
from realtime.fan_out import FanOut
from realtime.metrics import Metrics
from realtime.relay import Heard
from realtime.room import Room
from realtime.sequence import Numbered, last_seq, read_payload
from realtime.threads import Threads
from services import messages
from services.errors import ServiceError
from services.messages import MISSED_LIMIT, Message
from services.rooms import RoomRef
from services.topics import room_topic

log = structlog.get_logger(__name__)

GAP_GRACE_S = 0.1  # two processes that commit one after the other may publish crosswise
AUDIT_S = 5
AUDIT_GRACE_S = 1  # what is committed now is heard by then


class Subscriptions(Protocol):
    """What the rooms need of the line to Redis."""

    async def subscribe(self, topic: str) -> None: ...

    def unsubscribe(self, topic: str) -> None: ...


class Rooms:
    """Subscribes to the topics that somebody here hears, and to no others."""

    def __init__(self, threads: Threads, metrics: Metrics, fan_out: FanOut) -> None:
        self._threads, self._metrics, self._fan_out = threads, metrics, fan_out
        self._rooms: dict[bytes, Room] = {}
        self._audiences: dict[bytes, Audience] = {}
        self._watchers: dict[bytes, Callable[[bytes], None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._catching_up: set[UUID] = set()
        self._diverted: dict[bytes, Callable[[UUID, bytes], None]] = {}
        self._subscriptions: Subscriptions

    def attach(self, subscriptions: Subscriptions) -> None:
        """Name the line by which topics are heard; before anything else."""
        self._subscriptions = subscriptions

    def divert(self, type: str, hear: Callable[[UUID, bytes], None]) -> None:
        """Hand a room's events of one type to the process, and not to the room."""
        self._diverted[type.encode()] = hear

    # --- who hears what --------------------------------------------------------

    async def arrive(self, hearer: Hearer, ref: RoomRef) -> Room:
        """Begin to hear a room; `Room.settle` follows when the history was read."""
        topic = room_topic(ref.id)
        room = self._rooms.setdefault(topic.encode(), Room(ref.id, self._fetch_for_arrivals, self._fan_out))
        room.arrive(hearer, ref.alias)
        await self._subscriptions.subscribe(topic)
        return room

    def leave(self, hearer: Hearer, room_id: UUID) -> None:
        topic = room_topic(room_id)
        room = self._rooms.get(topic.encode())
        if room is None:
            return
        room.leave(hearer)
        if room.is_empty:
            del self._rooms[topic.encode()]
            self._subscriptions.unsubscribe(topic)

    async def listen(self, hearer: Hearer, topic: str) -> None:
        """Begin to hear a topic that is no room."""
        self._audiences.setdefault(topic.encode(), Audience(self._fan_out)).add(hearer)
        await self._subscriptions.subscribe(topic)

    def unlisten(self, hearer: Hearer, topic: str) -> None:
        audience = self._audiences.get(topic.encode())
        if audience is None:
            return
        audience.remove(hearer)
        if not audience:
            del self._audiences[topic.encode()]
            self._subscriptions.unsubscribe(topic)

    async def watch(self, topic: str, watcher: Callable[[bytes], None]) -> None:
        """Hand the events of a topic to the process itself."""
        self._watchers[topic.encode()] = watcher
        await self._subscriptions.subscribe(topic)

    def has(self, room_id: UUID) -> bool:
        """Whether somebody here is in the room."""
        return room_topic(room_id).encode() in self._rooms

    def ids(self) -> list[UUID]:
        """The rooms in which somebody here is."""
        return [room.id for room in self._rooms.values()]

    def tell(self, room_id: UUID, event: bytes) -> None:
        """Say an event, which begins with its type, to everybody here who is in the room."""
        if room := self._rooms.get(room_topic(room_id).encode()):
            room.tell([Numbered(0, event)])

    # --- what is heard -----------------------------------------------------------

    def hear(self, heard: Heard) -> None:
        """Pass on what one read of Redis brought: one write to each socket for each topic."""
        by_topic: dict[bytes, list[Numbered]] = {}
        for topic, payload in heard:
            try:
                items = self._unknown_of(topic, payload)
            except (ValueError, KeyError) as error:
                log.error("payload_unreadable", topic=topic.decode(), error=str(error))
                continue
            if items:
                by_topic.setdefault(topic, []).extend(items)
        self._metrics.events.inc(len(heard))
        self._pass_on_all(by_topic)

    def hear_own(self, stored: Iterable[tuple[bytes, Numbered]]) -> None:
        """Pass on messages that this process has stored itself; Redis brings them again, and they are known then."""
        by_topic: dict[bytes, list[Numbered]] = {}
        for topic, message in stored:
            by_topic.setdefault(topic, []).append(message)
        self._pass_on_all(by_topic)

    def _unknown_of(self, topic: bytes, payload: bytes) -> list[Numbered]:
        """What a payload brings that its room has not passed on already; raises ValueError, KeyError."""
        room = self._rooms.get(topic)
        if room is not None and room.order.has_passed(last_seq(payload)):
            return []
        items = read_payload(payload)
        if items[0].seq:
            return items
        return [item for item in map(_type_first, items) if not self._is_diverted(topic, item)]

    def _is_diverted(self, topic: bytes, item: Numbered) -> bool:
        """Hand an event to the process where it is for it."""
        name = event_name(item.event)
        if item.cause:
            log.info("event_told", topic=topic.decode(), type=name.decode(), request_id=item.cause)
        hear = self._diverted.get(name)
        if hear and (room := self._rooms.get(topic)):
            hear(room.id, item.event)
        return hear is not None

    def _pass_on_all(self, by_topic: dict[bytes, list[Numbered]]) -> None:
        self._metrics.deliveries.inc(sum(self._pass_on(topic, items) for topic, items in by_topic.items()))

    def _pass_on(self, topic: bytes, items: list[Numbered]) -> int:
        if watcher := self._watchers.get(topic):
            for item in items:
                watcher(item.event)
        if room := self._rooms.get(topic):
            deliveries = room.hear(items)
            if room.order.gap:
                self._begin(self._mend_gap(room))
            return deliveries
        if audience := self._audiences.get(topic):
            return audience.tell([item.event for item in items]) * len(items)
        return 0

    # --- what was not heard --------------------------------------------------------

    def resume(self) -> None:
        """Redis is back: fetch at once what was said meanwhile."""
        self._begin(self._audit(grace_s=0))

    async def audit_forever(self) -> None:
        """Compare every room with the database now and then: a published message may have been lost."""
        while True:
            await asyncio.sleep(AUDIT_S)
            await self._audit(AUDIT_GRACE_S)

    async def _audit(self, grace_s: float) -> None:
        rooms = {room.id: room for room in self._rooms.values() if room.order.passed is not None}
        if not rooms:
            return
        try:
            newest = await self._threads.query(messages.last_seqs, list(rooms))
            await asyncio.sleep(grace_s)
            for room_id, last_seq in newest.items():
                await self._mend(rooms[room_id], last_seq + 1)
                await self._mend_arrivals(rooms[room_id])
        except ServiceError as error:
            log.warning("rooms_not_audited", error=error.message)

    async def _mend_gap(self, room: Room) -> None:
        if room.is_mending:
            return
        room.is_mending = True
        try:
            while gap := room.order.gap:
                await asyncio.sleep(GAP_GRACE_S)
                if room.order.passed == gap[0]:  # where several processes speak, gaps come and go by themselves
                    await self._mend(room, gap[1])
        except ServiceError as error:
            log.warning("gap_not_mended", room=str(room.id), error=error.message)
        finally:
            room.is_mending = False

    async def _mend(self, room: Room, before: int) -> None:
        """Pass on from the database what the room has not heard below `before`."""
        passed = room.order.passed
        if passed is None or before <= passed + 1:
            return
        found = await self._threads.query(messages.missed, RoomRef(room.id, ""), after=passed, before=before)
        self._metrics.mended.inc(len(found))
        log.info("room_mended", room=str(room.id), after=passed, before=before, found=len(found))
        passed = room.order.passed or passed  # it may have heard more meanwhile
        if len(found) == MISSED_LIMIT and (dropped := found[0].seq - passed - 1) > 0:
            room.tell([Numbered(0, encode(Lagging(dropped)))])
        room.tell(room.order.fill(_numbered(found), before))

    def _fetch_for_arrivals(self, room: Room) -> None:
        if room.id not in self._catching_up:
            self._catching_up.add(room.id)
            self._begin(self._try_to_mend_arrivals(room))

    async def _try_to_mend_arrivals(self, room: Room) -> None:
        try:
            await self._mend_arrivals(room)
        except ServiceError as error:
            log.warning("arrivals_not_mended", room=str(room.id), error=error.message)
        finally:
            self._catching_up.discard(room.id)

    async def _mend_arrivals(self, room: Room) -> None:
        """Fetch what was in one newcomer's history, not in another's that was read before, and never heard."""
        while (gap := room.lacking) is not None:
            after, before = gap
            found = await self._threads.query(messages.missed, RoomRef(room.id, ""), after=after, before=before)
            dropped = found[0].seq - after - 1 if len(found) == MISSED_LIMIT else 0
            room.catch_up(gap, _numbered(found), dropped)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _numbered(found: Iterable[Message]) -> list[Numbered]:
    """Stored messages as the topic would have brought them; the room's name is put in for each member."""
    return [
        Numbered(message.seq, messages.wire_event(msgspec.structs.replace(message, room=msgspec.UNSET)))
        for message in found
    ]


def _type_first(item: Numbered) -> Numbered:
    return Numbered(item.seq, type_first(item.event), item.cause)
