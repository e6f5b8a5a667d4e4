"""A broadcast played to a packager as fast as it will go, on a clock of its own."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ingest import disk
from ingest.custody import Custody
from ingest.disk import DiskWriter
from ingest.packager import Packager
from ingest.remux import Remuxer
from ingest.rungs import RungIntake
from tests.ingest import hls_rules
from tests.ingest.samples import Tag

STARTED_AT = 1_800_000_000.0
WINDOW_S = 12.0


class Show:
    """Feeds a packager, plays the transcoder of one rung, and reads every playlist as players do.

    Everything that breaks the rules is in `breaches`, each once.
    """

    def __init__(self, folder: Path, executor: ThreadPoolExecutor, patience_s: float = 3.0) -> None:
        self.breaches: dict[str, None] = {}
        self.texts: dict[str, str] = {}
        self._folder, self._executor = folder, executor
        self._now, self._patience_s = STARTED_AT, patience_s
        self._upload: RungIntake | None = None
        self._transcoder = Remuxer()
        self.packager = self._new_packager()

    def play(self, tags: Iterable[Tag], *, late_s: float = 0.05) -> None:
        """Take tags at the times that they carry; each arrives `late_s` later."""
        for kind, time_ms, body in tags:
            self._now = STARTED_AT + time_ms / 1000 + late_s
            self.packager.add(kind, time_ms, body, self._now)
            if self._upload is not None:
                made = self._transcoder.add(kind, time_ms, body)
                self._upload.push(b"".join(output.data for output in made))
            self.look()

    def start_transcoder(self, catching_up: Iterable[Tag] = ()) -> None:
        """Begin to upload a rung, with what the relay remembers."""
        self._transcoder = Remuxer()
        self._upload = self.packager.open_rung("720p")
        for tag in catching_up:
            self._upload.push(b"".join(output.data for output in self._transcoder.add(*tag)))

    def stop_transcoder(self) -> None:
        """The transcoder dies."""
        self.packager.close_rung(self._upload)
        self._upload = None

    async def restart(self) -> float:
        """The process stops, and another goes on; returns how many seconds there are already."""
        self.packager.interrupt()
        await self.packager.drained()
        self._upload = None
        self.packager = self._new_packager()
        return self.packager.restore(disk.read_log(self._folder))

    async def finish(self) -> None:
        """End the stream, and look a last time."""
        self.stop_transcoder()
        await self.packager.finish()
        self.look()

    def look(self) -> None:
        """Load every playlist, and compare it with the one before."""
        for name in ("source", "720p"):
            rendition = self.packager.rendition(name)
            if rendition is not None and rendition.closed:
                self._compare(f"{name} plain", self.packager.plain_playlist(name))
                self._compare(f"{name} low-latency", self.packager.low_latency_playlist(name))
        if self.texts.keys() >= {"source plain", "720p plain"}:
            self._note(hls_rules.breaches_across(self.texts["source plain"], self.texts["720p plain"]))

    def _compare(self, name: str, text: str) -> None:
        before, self.texts[name] = self.texts.get(name, text), text
        if text != before or not self.breaches:
            self._note(f"{name}: {found}" for found in hls_rules.breaches(text))
            self._note(f"{name}: {found}" for found in hls_rules.breaches_between(before, text))

    def _note(self, found: Iterable[str]) -> None:
        self.breaches.update(dict.fromkeys(found))

    def _new_packager(self) -> Packager:
        def fail(error: OSError) -> None:
            raise error

        custody = Custody(self._folder, "show")
        custody.take()
        return Packager(DiskWriter(custody, self._executor, fail), WINDOW_S, lambda: self._now, self._patience_s)
