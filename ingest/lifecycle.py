"""Who is on air on this server: admits publishers, finds broadcasts, ends or suspends them."""

import asyncio
from typing import Final
from uuid import UUID

import structlog

from ingest import disk
from ingest.broadcast import Broadcast
from ingest.errors import Refused
from ingest.metrics import STORAGE_FAILURES
from ingest.station import Publisher, Station
from ingest.tasks import Tasks
from services.broadcasts import Grant
from services.errors import Conflict, Forbidden, ServiceError

SHUTDOWN_S: Final = 8.0

log = structlog.get_logger()


class Lifecycle:
    """The broadcasts of one process, by channel."""

    def __init__(self, station: Station) -> None:
        self.station = station
        self._on_air: dict[UUID, Broadcast] = {}
        self._ending: dict[UUID, Broadcast] = {}
        self._tasks = Tasks()

    @property
    def broadcasts(self) -> list[Broadcast]:
        """All that are on air, or wait for their encoder to come back."""
        return list(self._on_air.values())

    def find(self, stream_id: UUID) -> Broadcast | None:
        """Return the broadcast of a live stream."""
        return next((b for b in self._on_air.values() if b.stream is not None and b.stream.id == stream_id), None)

    def find_packaged(self, stream_id: UUID) -> Broadcast | None:
        """Return the broadcast of a stream that is live, or whose last pieces are still being written."""
        ending = (b for b in self._ending.values() if b.stream is not None and b.stream.id == stream_id)
        return self.find(stream_id) or next(ending, None)

    async def admit(self, key: str, publisher: Publisher) -> Broadcast:
        """Let a publisher in, before any media; raises Refused."""
        grant = await self._authorize(key, publisher)
        await self._prove_room()
        broadcast = self._begin(grant, publisher)
        await self._claim(broadcast, publisher)
        if await broadcast.is_current():
            return broadcast
        broadcast.publisher = None
        broadcast.give_up()
        return self._begin(grant, publisher)

    def _begin(self, grant: Grant, publisher: Publisher) -> Broadcast:
        """Give a publisher the broadcast of its channel, a new one where there is none; raises Refused."""
        broadcast = self._on_air.get(grant.channel_id)
        if broadcast is None:
            broadcast = self._new_broadcast(grant)
        elif broadcast.publisher is not None:
            if broadcast.publisher.silent_s() < self.station.takeover_after_s:
                raise Refused("NetStream.Publish.BadName", "Somebody publishes to this channel already.")
            broadcast.displace()
        broadcast.grant = grant
        broadcast.begin(publisher)
        return broadcast

    def cut(self, channel_id: UUID, reason: str) -> None:
        """End a channel's stream at once, if there is one."""
        broadcast = self._on_air.get(channel_id)
        if broadcast is not None:
            broadcast.cut(reason)

    async def close(self) -> None:
        """Suspend every broadcast; streams go on when their encoders reach the next process."""
        broadcasts = self.broadcasts
        for broadcast in broadcasts:
            broadcast.suspend()
        settled = [broadcast.settled() for broadcast in (*broadcasts, *self._ending.values())]
        try:
            async with asyncio.timeout(SHUTDOWN_S):
                await asyncio.gather(*settled)
        except TimeoutError:
            log.warning("some streams could not be settled in time")

    async def _authorize(self, key: str, publisher: Publisher) -> Grant:
        station = self.station
        try:
            return await station.call(
                station.broadcasts.authorize, key, server=station.server, remote_address=publisher.address
            )
        except Forbidden as refusal:
            raise Refused("NetStream.Publish.BadName", refusal.message) from refusal
        except ServiceError as trouble:
            log.warning("a key could not be checked", error=str(trouble))
            raise Refused("NetStream.Publish.Failed", "The key cannot be checked now; try again.") from trouble

    async def _prove_room(self) -> None:
        """Refuse on a full disk: an encoder tries again, and each try would be a broadcast that everybody hears of."""
        try:
            await self.station.call(disk.prove_room, self.station.hls_folder)
        except OSError as error:
            STORAGE_FAILURES.inc()
            log.error("no room for a broadcast", error=str(error))
            raise Refused("NetStream.Publish.Failed", "There is no room for a broadcast now; try again.") from error

    async def _claim(self, broadcast: Broadcast, publisher: Publisher) -> None:
        try:
            await broadcast.claim.take()
        except Conflict as conflict:
            broadcast.publisher = None
            broadcast.give_up()
            raise Refused("NetStream.Publish.BadName", conflict.message) from conflict
        except ServiceError as trouble:
            broadcast.lose(publisher)
            raise Refused("NetStream.Publish.Failed", "Publishing is not possible now; try again.") from trouble

    def _new_broadcast(self, grant: Grant) -> Broadcast:
        previous = self._ending.get(grant.channel_id)
        broadcast = Broadcast(self.station, grant, self._over, previous)
        self._on_air[grant.channel_id] = broadcast
        return broadcast

    def _over(self, broadcast: Broadcast) -> None:
        channel_id = broadcast.grant.channel_id
        if self._on_air.get(channel_id) is broadcast:
            del self._on_air[channel_id]
        self._ending[channel_id] = broadcast
        self._tasks.start(self._forget_when_settled(broadcast))

    async def _forget_when_settled(self, broadcast: Broadcast) -> None:
        await asyncio.sleep(0)
        await broadcast.settled()
        if self._ending.get(broadcast.grant.channel_id) is broadcast:
            del self._ending[broadcast.grant.channel_id]
