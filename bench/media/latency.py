"""How far behind the moment players are: by the media's own clock, against the time of day at the encoder.

The publisher sends each frame when its timestamp says (see publisher.py), so the decode time in a
fragment tells when its picture was taken, whatever playlists claim. What they claim, in
EXT-X-PROGRAM-DATE-TIME, is measured too.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import urljoin

import requests

from bench.figures import Figure, percentiles
from bench.media.publisher import PublishingThread, Recording, record
from bench.media.stage import live_stack
from ingest.mp4_boxes import FragmentReader
from ingest.parts import Init, Part
from tests.e2e.stack import until
from tests.ingest import hls_rules

SIZE: Final = "1280x720"
KBPS: Final = 3000
SETTLED_S: Final = 8.0
WATCHED_S: Final = 10.0
POLL_EVERY_S: Final = 0.2
HOLD_BACK_PARTS: Final = 3
HOLD_BACK_TARGETS: Final = 3


def figures() -> Iterator[Figure]:
    """Publish with keyframes every two seconds; measure the first picture, then the edge of every rendition."""
    recording = record(SIZE, KBPS)
    with live_stack() as (stack, key):
        yield from _measured(recording, f"{stack.rtmp_url}/{key}", lambda: stack.call("GET", "/api/streams"))


def _measured(recording: Recording, url: str, live: Callable[[], list[dict[str, dict[str, str]]]]) -> Iterator[Figure]:
    with PublishingThread(recording, [url]) as at_work:
        (publisher,) = at_work.publishers
        began = time.monotonic()
        (stream,) = until(live)
        playback = stream["playback"]
        yield Figure("publish to listed as live", time.monotonic() - began, "s", 1)
        first = _first_playable(playback["lowLatency"])
        yield Figure("publish to first low-latency playlist", time.monotonic() - began, "s", 2)
        yield Figure("  renditions in it", len(first), "")
        first = _first_playable(playback["hls"])
        yield Figure("publish to first plain playlist", time.monotonic() - began, "s", 4)
        yield Figure("  renditions in it", len(first), "")
        until(lambda: time.monotonic() - began > SETTLED_S)
        yield from _edges(playback, lambda: publisher.began_at)


def _first_playable(master: str) -> list[str]:
    """Wait for a master playlist of which every rendition has something to play; returns their addresses."""
    text = until(lambda: _text(master), limit_s=30)
    assert not hls_rules.breaches_of_master(text), text
    found = [urljoin(master, line) for line in text.splitlines() if not line.startswith("#")]
    for rendition in found:
        playlist = hls_rules.read(_text(rendition))
        assert playlist.segments or playlist.open_parts, f"{rendition} is offered and has nothing"
    return found


def _edges(playback: dict[str, str], began_at: Callable[[], float]) -> Iterator[Figure]:
    errors_s: list[float] = []
    for address in _first_playable(playback["hls"]):
        edge = _Edge(address, began_at())
        behind_s = edge.watch_plain(errors_s)
        yield from percentiles(f"plain {edge.name}: newest picture on offer, behind", behind_s, "s", 4)
    for address in _first_playable(playback["lowLatency"]):
        edge = _Edge(address, began_at())
        behind_s, hold_back_s = edge.watch_parts()
        aim = 2 if edge.name == "source" else None
        yield from percentiles(f"low-latency {edge.name}: newest picture, behind", behind_s, "s", aim)
        yield Figure("  a player that holds back as told, behind", statistics.median(behind_s) + hold_back_s, "s", aim)
    yield Figure("program date-time ahead of the truth, at most", max(errors_s), "s", 0.1)
    yield Figure("program date-time behind the truth, at most", -min(errors_s), "s", 0.5)


class _Edge:
    """One rendition's newest media, again and again."""

    def __init__(self, address: str, began_at: float) -> None:
        self.name = address.split("/")[-2]
        self._address, self._began_at = address, began_at
        self._session = requests.Session()
        self._known: dict[str, tuple[float, float]] = {}

    def watch_plain(self, errors_s: list[float]) -> list[float]:
        """How far the newest segment's end lies behind, sampled as if players loaded the playlist at any time."""
        samples, until_s = [], time.monotonic() + WATCHED_S
        while time.monotonic() < until_s:
            playlist, loaded_at = hls_rules.read(self._get(self._address).decode()), time.time()
            last = playlist.segments[-1]
            began_s, ended_s = self._times(last.uri, str(last.init))
            samples.append(loaded_at - self._began_at - ended_s)
            errors_s.append((last.began_at or 0.0) - self._began_at - began_s)
            time.sleep(POLL_EVERY_S)
        return samples

    def watch_parts(self) -> tuple[list[float], float]:
        """How far behind each part comes to a player that asks for the next by blocking reload; the hold-back."""
        samples, until_s, query, hold_back_s = [], time.monotonic() + WATCHED_S, "", 0.0
        while time.monotonic() < until_s:
            playlist = hls_rules.read(self._get(self._address + query).decode())
            parts = playlist.open_parts or list(playlist.segments[-1].parts)
            init = str(playlist.segments[-1].init if playlist.segments else "init-0.mp4")
            _, ended_s = self._times(parts[-1].uri, init)
            if query:
                samples.append(time.time() - self._began_at - ended_s)
            hold_back_s = float(playlist.control["PART-HOLD-BACK"])
            number = playlist.first_number + len(playlist.segments)
            query = f"?_HLS_msn={number}&_HLS_part={len(playlist.open_parts)}"
        return samples, hold_back_s

    def _times(self, uri: str, init: str) -> tuple[float, float]:
        """When, on the media clock, a segment or part begins and ends."""
        if uri not in self._known:
            outputs = FragmentReader().push(self._get(urljoin(self._address, init)) + self._file(uri))
            parts = [output for output in outputs if isinstance(output, Part) and not isinstance(output, Init)]
            self._known[uri] = parts[0].decode_time_s, parts[-1].decode_time_s + parts[-1].duration_s
        return self._known[uri]

    def _file(self, uri: str) -> bytes:
        return self._get(urljoin(self._address, uri))

    def _get(self, address: str) -> bytes:
        answer = self._session.get(address, timeout=15)
        answer.raise_for_status()
        return answer.content


def _text(address: str) -> str:
    answer = requests.get(address, timeout=15)
    return answer.text if answer.ok else ""
