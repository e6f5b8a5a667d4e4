"""One stream's renditions while it is live: its source remuxed, its rungs from the transcoder, its playlists."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from typing import Final

from ingest import offer, playlists, sidecar
from ingest.disk import DiskWriter
from ingest.epochs import Epochs
from ingest.flv import MediaKind
from ingest.offer import RUNGS, SOURCE
from ingest.parts import Init, Part
from ingest.playlists import LOW_LATENCY_FILE, PLAIN_FILE
from ingest.remux import Remuxer
from ingest.renditions import Rendition, Segment
from ingest.rungs import RungIntake
from ingest.sidecar import Entry, SegmentEntry
from ingest.wall_clock import WallClock

FLUSH_S: Final = 4.0
ABSENCE_S: Final = 10.0


class Packager:
    """Turns what the encoder and the transcoder send into segments and playlists."""

    def __init__(
        self,
        writer: DiskWriter,
        window_s: float,
        now: Callable[[], float] = time.time,
        patience_s: float = offer.PLAIN_PATIENCE_S,
    ) -> None:
        """`window_s` is how far back live players may go; `now` is the time of day, seconds since 1970.

        `patience_s` is how long the first master playlist waits to be complete.
        """
        self._patience_s = patience_s
        self.folder = writer.folder
        self._writer = writer
        self._window_s = window_s
        self._now = now
        self._remuxer = Remuxer()
        self._clock = WallClock()
        self._epochs = Epochs()
        self._resumes = False
        self._init_is_expected = True
        self._renditions: dict[str, Rendition] = {}
        self._intakes: dict[str, RungIntake] = {}
        self._absences: dict[str, asyncio.TimerHandle] = {}
        self._withdrawn: set[str] = set()
        self._changed = asyncio.Event()
        self._finished = False
        self._has_master = False
        self._begun_at: float | None = None
        self._master_is_due: asyncio.TimerHandle | None = None
        self._rendition(SOURCE)

    def rendition(self, name: str) -> Rendition | None:
        """Return a rendition that has begun."""
        return self._renditions.get(name)

    def is_withdrawn(self, name: str) -> bool:
        """Whether a rung has been gone for so long that its players should look for another."""
        return name in self._withdrawn

    def restore(self, log: Iterable[Entry]) -> float:
        """Go on where an earlier process stopped; returns the media time at which all that it made ends, in seconds."""
        inits: dict[str, int] = {}
        segments: dict[str, list[Segment]] = {}
        for entry in log:
            if isinstance(entry, SegmentEntry):
                segments.setdefault(entry.rendition, []).append(_restored(entry))
            else:
                inits[entry.rendition] = entry.number + 1
        for name, number in inits.items():
            self._rendition(name).restore(segments.get(name, []), number)
        if inits:
            self._has_master = self._resumes = True
            self._epochs.go_on(max((segment.epoch for made in segments.values() for segment in made), default=0))
        made_s = sum(segment.duration_s for segment in segments.get(SOURCE, ()))
        return max([made_s, *(segment.ends_s for made in segments.values() for segment in made)])

    def expect(self, *, video: bool, audio: bool) -> None:
        """Say which tracks the encoder announced."""
        self._remuxer.expect(video=video, audio=audio)

    def add(self, kind: MediaKind, time_ms: int, payload: bytes, arrived_at: float) -> None:
        """Take one FLV tag body of the source, with the time of day at which it came.

        Raises ProtocolError, UnsupportedMedia.
        """
        self._clock.arrived(time_ms / 1000, arrived_at)
        if self._resumes:
            # Not with the source's first part: a rung's might be here before it.
            self._resumes, self._init_is_expected = False, True
            self._epochs.begin(time_ms / 1000)
            for name in tuple(self._absences):
                self._await_rung(name)
        self._take(self._rendition(SOURCE), self._remuxer.add(kind, time_ms, payload))

    def interrupt(self) -> None:
        """Offer all that came before the encoder was lost; what follows will not continue it."""
        source = self._rendition(SOURCE)
        self._take(source, self._remuxer.finish())
        self._publish(source, source.cut())
        self._remuxer = Remuxer()
        self._clock.restart()
        self._resumes = source.init_number >= 0

    def open_rung(self, name: str) -> RungIntake:
        """Begin (or begin again) to take a rung's fragments."""
        self.close_rung(self._intakes.get(name))
        made = self._renditions.get(name)
        intake = RungIntake(
            lambda upload, outputs: self._take_rung(name, upload, outputs),
            self._epochs,
            made.until_s if made is not None else None,
        )
        self._intakes[name] = intake
        return intake

    def close_rung(self, intake: RungIntake | None) -> None:
        """End an upload; its rung is withdrawn unless another upload comes soon."""
        if intake is None or intake.closed:
            return
        intake.closed = True
        name = next(name for name, current in self._intakes.items() if current is intake)
        del self._intakes[name]
        if name in self._renditions:
            self._publish(self._renditions[name], self._renditions[name].cut())
        if not self._finished:
            self._epochs.mark()
            self._await_rung(name)
        self._announce_change()

    def _await_rung(self, name: str) -> None:
        if name in self._absences:
            self._absences[name].cancel()
        self._absences[name] = asyncio.get_running_loop().call_later(ABSENCE_S, self.withdraw, name)

    def withdraw(self, name: str) -> None:
        """Offer a rung no longer; without a playlist, players change to another. An encoder's absence is all rungs'."""
        if not self._resumes:
            self._withdrawn.add(name)
            self._writer.remove(f"{name}/{PLAIN_FILE}")
            self._write_master()

    async def finish(self) -> None:
        """End every playlist, the rungs' once their uploads are complete; returns when all is on the disk."""
        self._finished = True
        self.interrupt()
        self._end(self._rendition(SOURCE))
        await self._uploads_complete()
        for rendition in self._renditions.values():
            self._publish(rendition, rendition.cut())
            self._end(rendition)
        for timer in (*self._absences.values(), self._master_is_due):
            if timer is not None:
                timer.cancel()
        await self._writer.drained()

    async def drained(self) -> None:
        """Wait until all closed segments are on the disk."""
        await self._writer.drained()

    async def reached(self, name: str, segment: int, part: int | None, timeout_s: float) -> bool:
        """Wait until a rendition has a segment (or a part of it); False if it takes too long.

        This is the blocking reload of low-latency HLS (rfc8216bis, 6.2.5.2).
        """
        try:
            async with asyncio.timeout(timeout_s):
                while not self._has(name, segment, part):
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def plain_playlist(self, name: str) -> str:
        """Return a rendition's playlist of closed segments."""
        return playlists.media_playlist(self._renditions[name])

    def low_latency_playlist(self, name: str) -> str:
        """Return a rendition's playlist with partial segments."""
        return playlists.low_latency_playlist(self._renditions[name], self._offered())

    async def low_latency_master_playlist(self) -> str | None:
        """Return the master playlist of the renditions of which there is at least a part; None before that.

        Right at the beginning it waits for the rungs, since players load it once.
        """
        while (left_s := self._patience_left_s(offer.LOW_LATENCY_PATIENCE_S)) > 0 and not self._is_complete():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._changed.wait()
        offered = offer.worth_playing(self._offered())
        return playlists.master_playlist(offered, LOW_LATENCY_FILE) if offered else None

    def _rendition(self, name: str) -> Rendition:
        if name not in self._renditions:
            epoch_at = self._epochs.lead if name == SOURCE else self._epochs.at
            self._renditions[name] = Rendition(name, self._window_s, self._shown_at, epoch_at)
        return self._renditions[name]

    def _shown_at(self, part: Part) -> float:
        return self._clock.shown_at(part.decode_time_s, self._now())

    def _take_rung(self, name: str, intake: RungIntake, outputs: list[Init | Part]) -> None:
        if self._intakes.get(name) is intake:
            absence = self._absences.pop(name, None)
            if absence is not None:
                absence.cancel()
            self._withdrawn.discard(name)
            self._take(self._rendition(name), outputs)

    def _take(self, rendition: Rendition, outputs: Iterable[Init | Part]) -> None:
        for output in outputs:
            if isinstance(output, Init):
                self._begin(rendition, output)
            else:
                self._publish(rendition, rendition.add(output))
                self._note_beginning()
                self._announce_change()

    def _begin(self, rendition: Rendition, init: Init) -> None:
        if rendition.name == SOURCE:
            if not self._init_is_expected:
                self._epochs.mark()
            self._init_is_expected = False
        self._publish(rendition, rendition.begin(init))
        self._write_init(rendition)

    def _note_beginning(self) -> None:
        if self._begun_at is None:
            loop = asyncio.get_running_loop()
            self._begun_at = loop.time()
            self._master_is_due = loop.call_later(self._patience_s, self._write_master)

    def _write_init(self, rendition: Rendition) -> None:
        entry = sidecar.init_entry(rendition.name, rendition.init_number, rendition.description)
        self._writer.put(entry.uri, rendition.init_data, entry)

    def _publish(self, rendition: Rendition, closed: Segment | None) -> None:
        if closed is None:
            return
        entry = sidecar.segment_entry(rendition.name, closed, discontinuous=rendition.last_is_discontinuous)
        self._writer.put(entry.uri, b"".join(part.data for part in closed.parts), entry)
        self._write_playlist(rendition)
        self._write_master()

    def _end(self, rendition: Rendition) -> None:
        rendition.ended = True
        self._write_playlist(rendition)
        self._announce_change()

    def _write_playlist(self, rendition: Rendition) -> None:
        self._writer.replace(f"{rendition.name}/{PLAIN_FILE}", self.plain_playlist(rendition.name))

    def _write_master(self) -> None:
        closed = [rendition for rendition in self._offered() if rendition.closed]
        expected = self._intakes.keys()
        waits = self._patience_left_s(self._patience_s) > 0 and not offer.is_complete(closed, expected)
        offered = offer.worth_playing(closed)
        if offered and (self._has_master or self._finished or not waits):
            self._has_master = True
            self._writer.replace(PLAIN_FILE, playlists.master_playlist(offered))

    def _is_complete(self) -> bool:
        return self._has_master or self._finished or offer.is_complete(self._offered(), self._intakes.keys())

    def _patience_left_s(self, patience_s: float) -> float:
        since = self._begun_at
        return patience_s - (asyncio.get_running_loop().time() - since) if since is not None else 0.0

    def _offered(self) -> list[Rendition]:
        """Renditions that have begun and not been gone for long, best first."""
        names = self._renditions.keys() - self._withdrawn
        found = [self._renditions[name] for name in (SOURCE, *RUNGS) if name in names]
        return [rendition for rendition in found if rendition.closed or rendition.parts]

    def _has(self, name: str, segment: int, part: int | None) -> bool:
        rendition = self._renditions[name]
        number, parts = rendition.next_number, len(rendition.parts)
        reached = segment < number or (segment == number and part is not None and part < parts)
        return reached or rendition.ended

    def _announce_change(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _uploads_complete(self) -> None:
        try:
            async with asyncio.timeout(FLUSH_S):
                while self._intakes:
                    await self._changed.wait()
        except TimeoutError:
            for intake in list(self._intakes.values()):
                self.close_rung(intake)


def _restored(entry: SegmentEntry) -> Segment:
    init = int(entry.init.rpartition("-")[2].removesuffix(".mp4"))
    return Segment(
        entry.number,
        init,
        entry.duration_s,
        entry.started_at,
        entry.size,
        entry.epoch,
        entry.independent,
        entry.ends_s,
    )
