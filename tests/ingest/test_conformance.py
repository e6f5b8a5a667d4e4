"""Every playlist that players can see over a stream's life, held to RFC 8216 and its low-latency successor."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ingest import disk
from ingest.sidecar import SegmentEntry
from services.segment_index import recorded_renditions
from services.vod_playlists import vod_master_playlist, vod_playlist
from tests.ingest import hls_rules, samples
from tests.ingest.samples import VIDEO, Tag, broadcast
from tests.ingest.show import Show


def shown(folder: Path, play: Callable[[Show], Awaitable[None]]) -> Show:
    """Play a show to its end; returns it with all that was seen."""

    async def run() -> Show:
        with ThreadPoolExecutor(1) as executor:
            show = Show(folder, executor)
            await play(show)
            await show.finish()
            return show

    return asyncio.run(run())


def stretch(start_s: float, seconds: float, gop: int = 30) -> list[Tag]:
    return broadcast(seconds, start_ms=round(1000 * start_s), gop=gop)


def vod(folder: Path) -> dict[str, str]:
    return {rendition.name: vod_playlist(rendition) for rendition in recorded_renditions(folder)}


def epochs(text: str) -> list[int]:
    return [segment.epoch for segment in hls_rules.read(text).segments]


def test_a_broadcast_without_trouble(tmp_path: Path) -> None:
    async def play(show: Show) -> None:
        show.start_transcoder()
        show.play(stretch(0, 20, gop=60))

    show = shown(tmp_path, play)
    assert list(show.breaches) == []
    assert hls_rules.read(show.texts["source plain"]).first_number > 0
    assert all(hls_rules.breaches(text) == [] for text in vod(tmp_path).values())
    assert hls_rules.breaches_of_master(vod_master_playlist(recorded_renditions(tmp_path))) == []


def test_an_encoder_that_comes_back_is_one_discontinuity_everywhere(tmp_path: Path) -> None:
    async def play(show: Show) -> None:
        show.start_transcoder()
        show.play(stretch(0, 9, gop=60))
        show.packager.interrupt()
        show.play(stretch(9.04, 7, gop=60), late_s=6.0)

    show = shown(tmp_path, play)
    assert list(show.breaches) == []
    assert epochs(show.texts["source plain"])[-1] == epochs(show.texts["720p plain"])[-1] == 1


def test_a_transcoder_that_dies_alone_counts_in_the_source_as_well(tmp_path: Path) -> None:
    tags = stretch(0, 40, gop=60)

    def between(start_s: float, end_s: float) -> list[Tag]:
        return [tag for tag in tags if start_s * 1000 <= tag[1] < end_s * 1000]

    async def play(show: Show) -> None:
        show.start_transcoder()
        show.play(between(0, 10.5))
        show.stop_transcoder()
        show.play(between(10.5, 11.7))
        show.start_transcoder([*tags[:2], *between(10, 11.7)])
        show.play(between(11.7, 40))

    show = shown(tmp_path, play)
    assert list(show.breaches) == []
    # By now the window has slid past the break.
    for name in ("source", "720p"):
        assert "#EXT-X-DISCONTINUITY-SEQUENCE:1" in show.texts[f"{name} plain"]
        assert set(epochs(show.texts[f"{name} plain"])) == {1}
    made = vod(tmp_path)
    assert [text.count("#EXT-X-DISCONTINUITY\n") for text in made.values()] == [1, 1]
    assert hls_rules.breaches_across(*made.values()) == []


def test_a_rung_that_missed_a_break_catches_up_with_the_count(tmp_path: Path) -> None:
    async def play(show: Show) -> None:
        show.start_transcoder()
        show.play(stretch(0, 5))
        show.stop_transcoder()
        for number in (1, 2):
            show.packager.interrupt()
            show.play(stretch(5 * number + 0.04, 5))
        show.start_transcoder(stretch(14, 1))
        show.play(stretch(15.04, 4)[2:])

    show = shown(tmp_path, play)
    assert list(show.breaches) == []
    assert epochs(show.texts["720p plain"])[-1] == epochs(show.texts["source plain"])[-1] == 2
    assert "#EXT-X-DISCONTINUITY\n#EXT-X-DISCONTINUITY\n" in vod(tmp_path)["720p"]


def test_a_process_that_goes_on_after_another_counts_on(tmp_path: Path) -> None:
    async def play(show: Show) -> None:
        show.play(stretch(0, 6))
        made_s = await show.restart()
        show.play(stretch(made_s, 6), late_s=3.0)

    show = shown(tmp_path, play)
    assert list(show.breaches) == []
    assert epochs(show.texts["source plain"]) == [0] * 6 + [1] * 6


def test_the_clock_goes_on_where_an_earlier_process_left_it_and_never_back(tmp_path: Path) -> None:
    """Going live takes a while: what is packaged seldom begins at the beginning of the broadcast's time."""

    async def play(show: Show) -> None:
        show.start_transcoder()
        show.play(stretch(3, 6))
        made_s = await show.restart()
        assert made_s == pytest.approx(9, abs=0.05)
        show.start_transcoder()
        show.play(stretch(made_s, 6), late_s=3.0)

    show = shown(tmp_path, play)
    assert list(show.breaches) == []
    for rendition in ("source", "720p"):
        ends_s = [entry.ends_s for entry in written(tmp_path, rendition)]
        assert ends_s == sorted(ends_s)
        assert ends_s[-1] == pytest.approx(15, abs=0.5)
        assert {entry.epoch for entry in written(tmp_path, rendition)} == {0, 1}


def written(folder: Path, rendition: str) -> list[SegmentEntry]:
    """The segments of a rendition, as the log has them."""
    return [
        entry for entry in disk.read_log(folder) if isinstance(entry, SegmentEntry) and entry.rendition == rendition
    ]


def test_new_parameters_in_the_middle_keep_the_rules(tmp_path: Path) -> None:
    async def play(show: Show) -> None:
        show.play(stretch(0, 5))
        show.play([(VIDEO, 5000, b"\x17\x00\x00\x00\x00" + samples.AVC_1080P), *stretch(5, 5)[2:]])

    show = shown(tmp_path, play)
    assert list(show.breaches) == []
    assert epochs(show.texts["source plain"])[-1] == 1


def test_the_rules_are_noticed_when_broken() -> None:
    good = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:0\n"
    head = '#EXT-X-MAP:URI="init-0.mp4"\n#EXTINF:1.0,\n0.m4s\n'
    assert hls_rules.breaches(good + head) == []
    assert hls_rules.breaches(good + head.replace("1.0", "2.6")) != []
    assert hls_rules.breaches(good + head.partition("\n")[2]) != []
    assert hls_rules.breaches(good + head + "#EXT-X-DISCONTINUITY-SEQUENCE:1\n") != []
    assert hls_rules.breaches(good + head + "#EXT-X-ENDLIST\n1.m4s\n") != []
    assert hls_rules.breaches(good + "#EXT-X-PLAYLIST-TYPE:VOD\n" + head) != []
    assert hls_rules.breaches_between(good + head, good + head.replace("0.m4s", "x.m4s")) != []
    assert hls_rules.breaches_of_master("#EXTM3U\n") != []
