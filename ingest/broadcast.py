"""One channel on air: its hub and packager, from the first admitted publisher until the end is settled."""

import asyncio
from collections.abc import Callable
from typing import Final
from uuid import UUID

import structlog

from ingest import disk
from ingest.claim import Claim
from ingest.custody import Custody, CustodyLost
from ingest.disk import DiskWriter
from ingest.flv import MediaKind
from ingest.hub import Hub
from ingest.metrics import STORAGE_FAILURES
from ingest.packager import Packager
from ingest.rtmp.session import Metadata
from ingest.seam import Stream
from ingest.station import Publisher, Station
from ingest.tasks import Tasks
from services.broadcasts import Grant
from services.errors import Conflict, ServiceError, Unavailable

RETRY_EVERY_S: Final = 1.0
#: How often a stream that waits for its encoder looks whether that has come to another process.
LOOK_EVERY_S: Final = 1.0

log = structlog.get_logger()


class Broadcast:
    """Everything that happens to one channel's stream.

    Media are handled at once. What is told to the services is told one thing
    after another, in the order in which it happened.
    """

    def __init__(
        self, station: Station, grant: Grant, over: Callable[["Broadcast"], None], previous: "Broadcast | None" = None
    ) -> None:
        """`over` is called once, when nothing more can be published here; `previous` may still be ending."""
        self.grant = grant
        self.hub = Hub()
        self.packager: Packager | None = None
        self.stream: Stream | None = None
        self.publisher: Publisher | None = None
        self.claim = Claim(grant, station.server, station.broadcasts, station.call, self._silent_s)
        self._station = station
        self._over = over
        self._previous = previous
        self._custody: Custody | None = None
        self._is_over = False
        self._asked_to_go_live = False
        self._order = asyncio.Lock()
        self._tasks = Tasks(self._work_failed)
        self._until_changed: list[asyncio.Task[None]] = []
        self._grace: asyncio.TimerHandle | None = None

    async def settled(self) -> None:
        """Wait until everything that happened has been told and written; only after it is over."""
        await self._tasks.finished()

    def begin(self, publisher: Publisher) -> None:
        """Take a publisher that has been admitted: the first, or one that returns."""
        self._stop_timers()
        self.publisher = publisher
        self._asked_to_go_live = False
        self._until_changed = [self._tasks.start(self._keep_claim()), self._tasks.start(self._keep_informed())]

    def take_metadata(self, metadata: Metadata) -> None:
        """Note what the encoder says of itself."""
        self.hub.set_metadata(metadata.fields, metadata.payload)
        self._expect_tracks()

    def take_media(self, kind: MediaKind, timestamp: int, payload: bytes) -> None:
        """Take one FLV tag body; raises ProtocolError, UnsupportedMedia."""
        item = self.hub.publish(kind, timestamp, payload)
        if self.packager is not None:
            self.packager.add(kind, item.time_ms, payload, item.arrived_at)
        if not self._asked_to_go_live and self.hub.has_begun:
            self._asked_to_go_live = True
            self._tasks.start(self._go_live())

    def displace(self) -> None:
        """Cut a publisher that has fallen silent; another takes over the same stream."""
        self._dismiss("NetStream.Publish.BadName", "Another connection took over.")
        self._pause()

    def lose(self, publisher: Publisher) -> None:
        """The connection broke: the stream waits for its encoder to come back."""
        if publisher is not self.publisher:
            return
        self.publisher = None
        self._pause()
        if self.stream is None and not self._asked_to_go_live:
            self.finish("connection_lost")
            return
        self._grace = asyncio.get_running_loop().call_later(self._station.grace_s, self._grace_expired)
        self._until_changed = [self._tasks.start(self._watch_custody())]
        self._tasks.start(self._tell_interruption())

    def unpublish(self, publisher: Publisher) -> None:
        """The encoder said good-bye."""
        if publisher is self.publisher:
            self.publisher = None
            self.finish("finished")

    def cut(self, reason: str) -> None:
        """End the stream, whatever the encoder wants."""
        self._dismiss("NetStream.Publish.Denied", f"The stream was ended: {reason}.")
        self.finish(reason)

    def finish(self, reason: str) -> None:
        """End the stream, once."""
        if not self._is_over:
            self._stop_for_good()
            self._tasks.start(self._settle_end(reason))

    def suspend(self) -> None:
        """Leave the stream, un-ended, to whoever comes after this process."""
        had_publisher = self.publisher is not None
        self._dismiss("NetConnection.Connect.AppShutdown", "The server restarts; please reconnect.")
        self._pause()
        self._stop_for_good()
        if had_publisher:
            self._tasks.start(self._tell_interruption())

    def give_up(self) -> None:
        """Stop without ending the stream: another server has it now."""
        if not self._is_over:
            if self.stream is not None:
                log.info("another server has this stream", stream_id=str(self.stream.id))
            self._dismiss("NetStream.Publish.BadName", "The channel is published elsewhere.")
            self._stop_for_good()

    def _silent_s(self) -> float:
        return self.publisher.silent_s() if self.publisher is not None else 0.0

    async def is_current(self) -> bool:
        """Whether no other process has gone on with the stream since this one wrote it."""
        if self._custody is None:
            return True
        try:
            return await self._station.call(self._custody.is_held)
        except OSError as error:
            log.warning("whose folder it is cannot be read", error=str(error))
            return True

    async def _watch_custody(self) -> None:
        """Give the stream up once its encoder has come to another process."""
        while await self.is_current():
            await asyncio.sleep(LOOK_EVERY_S)
        self.give_up()

    def _dismiss(self, code: str, description: str) -> None:
        if self.publisher is not None:
            publisher, self.publisher = self.publisher, None
            publisher.cut(code, description)

    def _work_failed(self) -> None:
        """Let the encoder know, so that it tries again."""
        if self.publisher is not None:
            publisher = self.publisher
            publisher.cut("NetStream.Publish.Failed", "Something is wrong here; please try again.")
            self.lose(publisher)

    def _pause(self) -> None:
        self._stop_timers()
        self.hub.restart()
        if self.packager is not None:
            self.packager.interrupt()
            self._expect_tracks()

    def _stop_for_good(self) -> None:
        self._is_over = True
        self._stop_timers()
        self.hub.close()
        self._over(self)

    def _stop_timers(self) -> None:
        for task in self._until_changed:
            task.cancel()
        if self._grace is not None:
            self._grace.cancel()

    def _expect_tracks(self) -> None:
        if self.packager is not None:
            video, audio = self.hub.expected_tracks()
            self.packager.expect(video=video, audio=audio)

    async def _go_live(self) -> None:
        """Make the stream live, and package it from the keyframe that the hub remembers."""
        if self._previous is not None:
            await self._previous.settled()
            self._previous = None
        async with self._order:
            stream = await self._ask_to_go_live()
            if stream is None:
                return
            is_new = self.stream is None or stream.id != self.stream.id
            self.stream = stream
            if is_new:
                await self._package(stream.id)
        log.info("live", stream_id=str(stream.id), channel_id=str(self.grant.channel_id))

    async def _ask_to_go_live(self) -> Stream | None:
        """Ask until a store that is away has come back; None where the broadcast is over by then."""
        station = self._station
        while not self._is_over:
            address = self.publisher.address if self.publisher is not None else ""
            facts = self.hub.facts()
            try:
                return await station.call(
                    station.broadcasts.go_live,
                    self.grant,
                    facts,
                    server=station.server,
                    remote_address=address,
                    relay_url=station.relay_url,
                )
            except Unavailable as error:
                log.warning("going live waits for a store", error=str(error))
                await asyncio.sleep(RETRY_EVERY_S)
            except ServiceError as refusal:
                self.cut(refusal.code)
        return None

    async def _package(self, stream_id: UUID) -> None:
        """Begin the stream's folder, or go on with it, and catch up with what the hub remembers."""
        if self.packager is not None:
            await self.packager.finish()
        station = self._station
        custody = Custody(station.hls_folder / str(stream_id), station.server)
        try:
            history = await station.call(disk.take_over, custody)
        except OSError as error:
            self._disk_failed(error)
            return
        self._custody = custody
        packager = Packager(DiskWriter(custody, station.call.executor, self._disk_failed), station.window_s)
        made_s = packager.restore(history)
        if made_s:
            self.hub.begin_at(round(1000 * made_s))
        self.packager = packager
        self._expect_tracks()
        for item in self.hub.remembered():
            packager.add(item.kind, item.time_ms, item.payload, item.arrived_at)

    def _disk_failed(self, error: OSError) -> None:
        if isinstance(error, CustodyLost):
            asyncio.get_running_loop().call_soon(self.give_up)
            return
        STORAGE_FAILURES.inc()
        log.error("the media folder cannot be written", error=str(error), channel_id=str(self.grant.channel_id))
        asyncio.get_running_loop().call_soon(self.cut, "storage_full")

    async def _keep_claim(self) -> None:
        try:
            await self.claim.keep()
        except Conflict:
            self.give_up()

    async def _keep_informed(self) -> None:
        """Pass on what is measured, for as long as the publisher is there."""
        while True:
            await asyncio.sleep(self._station.update_every_s)
            if self.stream is not None:
                await self._tell(self._station.broadcasts.update, self.stream.id, self.hub.facts())
            await self._end_if_due()

    async def _end_if_due(self) -> None:
        """End what may not go on, also where nobody could say so: Redis may have been away."""
        stream_id = self.stream.id if self.stream is not None else None
        try:
            reason = await self._station.call(self._station.broadcasts.reason_to_end, self.grant, stream_id)
        except ServiceError as error:
            log.warning("whether a broadcast may go on is unknown", error=str(error))
            return
        if reason is not None:
            self.cut(reason)

    async def _tell_interruption(self) -> None:
        async with self._order:
            if self.packager is not None:
                await self.packager.drained()
            if not await self.is_current():
                self.give_up()
            elif self.stream is not None and self.publisher is None:
                await self._tell(self._station.broadcasts.interrupt, self.stream.id)
            if self.publisher is None:
                await self.claim.release()

    def _grace_expired(self) -> None:
        self._tasks.start(self._end_unless_published_elsewhere())

    async def _end_unless_published_elsewhere(self) -> None:
        try:
            await self.claim.take()
        except Conflict:
            self.give_up()
            return
        except Unavailable as error:
            log.warning("ending without asking whether another server goes on", error=str(error))
        if not await self.is_current():
            self.give_up()
        elif self.publisher is None:
            self.finish("connection_lost")

    async def _settle_end(self, reason: str) -> None:
        async with self._order:
            if self.packager is not None:
                await self.packager.finish()
            is_ours = await self.is_current()
            if self._custody is not None and is_ours:
                await self._tell(disk.close_folder, self._custody)
            if self.stream is not None and is_ours:
                await self._tell(self._station.broadcasts.end, self.stream.id, reason)
            await self.claim.release()
        log.info("ended", reason=reason, channel_id=str(self.grant.channel_id))

    async def _tell(self, function: Callable[..., None], *arguments: object) -> None:
        """Tell the services; where they cannot be reached, the reaper of stale streams finds out."""
        try:
            await self._station.call(function, *arguments)
        except (ServiceError, OSError) as error:
            log.error("the services could not be told", what=str(arguments), error=str(error))
