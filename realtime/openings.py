"""What those who join are shown, read once for all who join the same room at the same time."""

import asyncio

import msgspec

from realtime.answers import encode
from realtime.threads import Threads
from services import messages
from services.rooms import RoomRef, settings_for_all

Key = tuple[RoomRef, str | int | None]


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """An opening, encoded already."""

    last_seq: int
    settings: msgspec.Raw
    pinned: msgspec.Raw
    messages: msgspec.Raw
    recovered: bool
    truncated: bool


class Openings:
    """One reading at a time for each room and `since`; those who come while it runs share the next.

    A reading that began before somebody heard the room could miss what was said in between.
    """

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._running: dict[Key, asyncio.Task[Shown]] = {}
        self._next: dict[Key, asyncio.Task[Shown]] = {}

    async def of(self, ref: RoomRef, since: str | int | None) -> Shown:
        """The opening of a room, read after this call; raises NotFound, Unavailable."""
        key = (ref, since)
        task = self._next.get(key)
        if task is None:
            task = self._next[key] = asyncio.create_task(self._read(key, self._running.get(key)))
        return await asyncio.shield(task)

    async def _read(self, key: Key, before: "asyncio.Task[Shown] | None") -> Shown:
        if before is not None:
            await asyncio.wait([before])
        task = self._running[key] = self._next.pop(key)
        try:
            return _shown(await self._threads.query(messages.opening, *key))
        finally:
            if self._running.get(key) is task:
                del self._running[key]


def _shown(opening: messages.Opening) -> Shown:
    return Shown(
        last_seq=opening.last_seq,
        settings=msgspec.Raw(encode(settings_for_all(opening.settings))),
        pinned=msgspec.Raw(encode(opening.pinned)),
        messages=msgspec.Raw(encode(opening.messages)),
        recovered=opening.recovered,
        truncated=opening.truncated,
    )
