"""hls.js in a real browser: live, low-latency, through an encoder's and a transcoder's death, and the recording.

Every step either holds or ends the run with what the player said of itself.
"""

import time
from collections.abc import Iterator
from typing import Any, Final

import psutil

from bench.figures import Figure
from bench.media.browser import Page, page_with_hls_js
from bench.media.publisher import PublishingThread, Recording, record
from bench.media.stage import live_stack
from tests.e2e.stack import Stack, until

SIZE: Final = "854x480"
KBPS: Final = 1200
ENCODER_AWAY_S: Final = 6.0
WATCHED_S: Final = 10.0
RECOVERS_WITHIN_S: Final = 30.0
BEYOND_S: Final = 8.0


def figures() -> Iterator[Figure]:
    """Watch one stream from its beginning to its recording."""
    recording = record(SIZE, KBPS)
    with page_with_hls_js() as page, live_stack() as (stack, key):
        theatre = _Theatre(stack, key, page, recording)
        yield from theatre.live()
        yield from theatre.encoder_away()
        yield from theatre.transcoder_killed()
        yield from theatre.recording()


class _Theatre:
    """A stack, a stream on it, and a page with players."""

    def __init__(self, stack: Stack, key: str, page: Page, recording: Recording) -> None:
        self._stack, self._page, self._recording = stack, page, recording
        self._url = f"{stack.rtmp_url}/{key}"
        self._encoder = self._publish()
        (self._stream,) = until(lambda: stack.call("GET", "/api/streams"))

    def live(self) -> Iterator[Figure]:
        """Open a plain and a low-latency player at once, as if the page had waited for the stream."""
        playback = self._stream["playback"]
        for name, address in (("plain", playback["hls"]), ("low-latency", playback["lowLatency"])):
            until(lambda address=address: _answers(self._page, address), 30)  # type: ignore[misc]
            self._start(name, address)
        for name in ("plain", "low-latency"):
            self._moves_on(name)
            yield Figure(f"{name}: first picture", self._state(name)["firstPictureMs"] / 1000, "s")
        time.sleep(WATCHED_S)
        for name, aim in (("plain", None), ("low-latency", 2.0)):
            state = self._state(name)
            yield Figure(f"{name}: qualities to choose from", len(state["levels"]), "")
            yield Figure(f"{name}: picture shown is behind by", state["behind"], "s", aim)
            yield Figure(f"{name}: stalls so far", state["stalls"], "")

    def encoder_away(self) -> Iterator[Figure]:
        """The encoder's connection breaks; it is back after some seconds."""
        self._encoder.drop()
        time.sleep(ENCODER_AWAY_S)
        self._encoder = self._publish()
        yield from self._recovered("encoder away for 6 s")

    def transcoder_killed(self) -> Iterator[Figure]:
        """ffmpeg dies while a player shows a rung."""
        self._page.evaluate("players['plain'].hls.currentLevel = 0")
        for process in transcoders(self._stack):
            process.kill()
        yield from self._recovered("transcoder killed")
        yield Figure("transcoder killed: transcoders now", len(transcoders(self._stack)), "", 1)

    def recording(self) -> Iterator[Figure]:
        """The stream ends; its recording plays, and can be sought in."""
        self._encoder.__exit__()
        address = f"/api/streams/{self._stream['id']}"
        until(lambda: _is_recorded(self._stack.call("GET", address)), 60)
        ended = self._stack.call("GET", address)
        for name in ("plain", "low-latency"):
            self._page.evaluate(f"stop('{name}')")
        self._start("recording", ended["playback"]["hls"])
        self._moves_on("recording")
        lasts_s = self._state("recording")["duration"]
        yield Figure("recording: lasts, by the player", lasts_s, "s")
        self._page.evaluate(f"players['recording'].video.currentTime = {lasts_s * 0.6}")
        self._moves_on("recording")
        yield Figure("recording: plays on after a seek to", self._state("recording")["time"], "s")
        until(lambda: not transcoders(self._stack), 20)
        yield Figure("ffmpeg processes left behind", len(transcoders(self._stack)), "", 0)

    def _recovered(self, what: str) -> Iterator[Figure]:
        """Both players show new pictures by themselves: more than what they had in store."""
        began, waiting = time.monotonic(), {name: self._state(name) for name in ("plain", "low-latency")}
        while waiting:
            until(lambda: any(self._is_beyond(name, waiting[name]) for name in waiting), RECOVERS_WITHIN_S)
            for name in [name for name in waiting if self._is_beyond(name, waiting[name])]:
                del waiting[name]
                yield Figure(f"{what}: {name} shows {BEYOND_S:.0f} s more, after", time.monotonic() - began, "s", 30)
        for name in ("plain", "low-latency"):
            state = self._state(name)
            assert not state["fatal"], (what, name, state)
            yield Figure(f"{what}: {name} is behind by", state["behind"], "s")

    def _is_beyond(self, name: str, before: dict[str, Any]) -> bool:
        now = self._state(name)
        return bool(now["time"] > before["time"] + BEYOND_S and now["decoded"] > before["decoded"])

    def _moves_on(self, name: str, beyond_s: float = 1.0) -> None:
        """Wait until a player has shown so many more seconds and pictures."""
        before = self._state(name)

        def has_moved() -> bool:
            now = self._state(name)
            return bool(now["time"] > before["time"] + beyond_s and now["decoded"] > before["decoded"])

        until(has_moved, RECOVERS_WITHIN_S, lambda: (name, before, self._state(name)))

    def _start(self, name: str, address: str) -> None:
        options = (
            "{lowLatencyMode: true, maxLiveSyncPlaybackRate: 1.5}"
            if name == "low-latency"
            else "{lowLatencyMode: false}"
        )
        self._page.evaluate(f"start('{name}', '{address}', {options})")

    def _state(self, name: str) -> dict[str, Any]:
        return dict(self._page.evaluate(f"state('{name}')"))

    def _publish(self) -> PublishingThread:
        return PublishingThread(self._recording, [self._url]).__enter__()


def transcoders(stack: Stack) -> list[psutil.Process]:
    """The ffmpeg processes that make ladders."""
    return [child for child in stack.children() if _is_ladder(child)]


def _is_ladder(process: psutil.Process) -> bool:
    try:
        command = process.cmdline()
    except psutil.NoSuchProcess:
        return False
    return bool(command) and "ffmpeg" in command[0] and any("/live/" in argument for argument in command)


def _answers(page: Page, address: str) -> bool:
    return bool(page.evaluate(f"fetch('{address}').then((answer) => answer.ok, () => false)"))


def _is_recorded(stream: dict[str, Any]) -> bool:
    return bool(stream["status"] == "ENDED" and stream["playback"]["hls"])
