"""What the first master playlist names, since players load it once."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ingest.offer import worth_playing
from ingest.parts import Description, Init
from ingest.renditions import Rendition
from tests.ingest.samples import broadcast
from tests.ingest.show import Show


def master_after(folder: Path, play: Callable[[Show], Awaitable[None]], patience_s: float = 3.0) -> list[str]:
    """The renditions in the plain master playlist after a show."""

    async def run() -> list[str]:
        with ThreadPoolExecutor(1) as executor:
            show = Show(folder, executor, patience_s)
            await play(show)
            await show.packager.drained()
            master = folder / "index.m3u8"
            lines = master.read_text().splitlines() if master.exists() else []
            return [line.partition("/")[0] for line in lines if not line.startswith("#")]

    return asyncio.run(run())


def test_the_first_master_waits_for_source_and_rung(tmp_path: Path) -> None:
    async def source_alone(show: Show) -> None:
        show.play(broadcast(4, gop=60))

    async def rung_without_source(show: Show) -> None:
        show.start_transcoder()
        show.play(broadcast(1.5, gop=60))
        show.stop_transcoder()

    async def both(show: Show) -> None:
        show.start_transcoder()
        show.play(broadcast(4, gop=60))

    assert master_after(tmp_path / "1", source_alone) == []
    assert master_after(tmp_path / "2", rung_without_source) == []
    assert master_after(tmp_path / "3", both) == ["source", "720p"]


def test_patience_with_what_does_not_come_ends(tmp_path: Path) -> None:
    async def play(show: Show) -> None:
        show.play(broadcast(4, gop=60))
        async with asyncio.timeout(5):
            while not (tmp_path / "index.m3u8").exists():
                await asyncio.sleep(0.01)

    assert master_after(tmp_path, play, patience_s=0.05) == ["source"]


def test_a_source_that_not_every_player_can_show_gives_way_to_a_rung() -> None:
    def rendition(name: str, codec: str) -> Rendition:
        made = Rendition(name, 30, lambda _: 0.0, lambda _: 0)
        made.begin(Init(b"init", Description((codec, "mp4a.40.2"), 640, 360)))
        return made

    odd, common, rung = (
        rendition("source", "avc1.7a001e"),
        rendition("source", "avc1.64001e"),
        rendition("360p", "avc1.64"),
    )
    sound = Rendition("audio", 30, lambda _: 0.0, lambda _: 0)
    assert worth_playing([odd, rung, sound]) == [rung, sound]
    assert worth_playing([odd, sound]) == [odd, sound]
    assert worth_playing([common, rung]) == [common, rung]


def test_a_source_with_keyframes_too_far_apart_gives_way_to_a_rung(tmp_path: Path) -> None:
    async def play(show: Show) -> None:
        show.start_transcoder()
        show.play(broadcast(13, gop=180))

    assert master_after(tmp_path / "1", play) == ["720p"]


def test_a_rung_that_stays_away_is_withdrawn_for_its_players_to_change(tmp_path: Path) -> None:
    async def play(show: Show) -> None:
        show.start_transcoder()
        show.play(broadcast(4))
        show.stop_transcoder()
        show.packager.withdraw("720p")

    assert master_after(tmp_path, play) == ["source"]
    assert not (tmp_path / "720p" / "index.m3u8").exists()


def test_no_rung_is_withdrawn_while_the_encoder_is_away(tmp_path: Path) -> None:
    async def play(show: Show) -> None:
        show.start_transcoder()
        show.play(broadcast(4))
        show.packager.interrupt()
        show.stop_transcoder()
        show.packager.withdraw("720p")

    assert master_after(tmp_path, play) == ["source", "720p"]


def test_the_low_latency_master_is_nothing_before_there_is_a_part(tmp_path: Path) -> None:
    async def play(show: Show) -> None:
        assert await show.packager.low_latency_master_playlist() is None
        show.play(broadcast(1))
        text = await show.packager.low_latency_master_playlist()
        assert text is not None
        assert "source/ll.m3u8" in text

    master_after(tmp_path, play)
